import { expect } from "vitest";
import { type Row, LEASE_MS, SHARE } from "./context.js";
import type { StoredJob } from "../types.js";

const failure = { name: "Error", message: "no" };
const dies = () => ({ kind: "dead", reason: "permanent", attemptsMade: 1, failure }) as const;

export const crashRows: readonly Row[] = [
  [
    "loses its jobs to another within two leases, at the head of the line and with a crash counted",
    async (context) => {
      const { stored, newJob, work, until, now } = context;
      const [one, two] = [newJob(), newJob()] as const;
      await stored.add([one]);
      const first = work();
      await until(() => first.runs.length === 1);
      await stored.add([two]);
      await until(() => first.runs.length === 2);
      const diedMs = now();
      await first.consumer.close();
      const second = work({ concurrency: 2 }, () => ({ kind: "completed" }));
      // Closing takes a moment in a store with a server.
      await until(() => second.settled.length === 2, LEASE_MS * 4);
      expect(now() - diedMs).toBeLessThan(LEASE_MS * 3);
      for (const { job } of second.runs) expect(job).toMatchObject({ crashes: 1, attemptsMade: 0 });
      first.runs[0]?.settle({ kind: "completed", output: '"late"' });
      await until(() => first.settled.length === 1);
      expect(first.settled[0]?.outcome).toBe("lost");
      expect((await stored.get(one.id))?.output).toBeUndefined();
    },
  ],

  [
    "frees the slots that its jobs had of the caps of their tenants",
    async (context) => {
      const { stored, newJob, work, until } = context;
      const share = { ...SHARE, maxInFlight: 1 };
      await stored.add([newJob({ share }), newJob({ share })]);
      const first = work();
      await until(() => first.runs.length === 1);
      await first.consumer.close();
      const second = work({}, () => ({ kind: "completed" }));
      await until(() => second.settled.length === 2, LEASE_MS * 4);
      expect(await stored.tenantStats("acme")).toMatchObject({ active: 0, waiting: 0 });
    },
  ],

  [
    "keeps its lease while the job runs, however long",
    async (context) => {
      const { stored, newJob, work, until, advance } = context;
      await stored.add([newJob()]);
      const worker = work();
      const other = work({}, undefined, context.other());
      await until(() => worker.runs.length + other.runs.length === 1);
      await advance(LEASE_MS * 3);
      expect(worker.runs.length + other.runs.length).toBe(1);
      const [run] = [...worker.runs, ...other.runs];
      run?.settle({ kind: "completed" });
      await until(() => worker.settled.length + other.settled.length === 1);
      expect([...worker.settled, ...other.settled][0]?.outcome).toBe("applied");
    },
  ],
];

export const deadRows: readonly Row[] = [
  [
    "are listed with their reason, and run again when they are redriven",
    async (context) => {
      const { stored, newJob, work, until, now, advance } = context;
      const job = newJob({ deadlineAtMs: now() + 3_600_000 });
      await stored.add([job]);
      const worker = work({}, ({ job: { crashes } }) =>
        worker.runs.length === 1 && crashes === 0 ? dies() : { kind: "completed" },
      );
      await until(() => worker.settled.length === 1);
      expect(await stored.get(job.id)).toMatchObject({
        state: "dead",
        deadReason: "permanent",
        attemptsMade: 1,
        failure,
      });
      expect(await stored.counts()).toMatchObject({ dead: 1 });
      expect((await stored.list({ state: "dead", limit: 10 })).items).toMatchObject([{ id: job.id }]);
      await advance(5);
      expect(await stored.redrive({ diedBeforeMs: now(), max: 10 })).toMatchObject({ moved: 1 });
      await until(() => worker.settled.length === 2);
      expect(worker.runs[1]?.job).toMatchObject({ attemptsMade: 0, crashes: 0 });
      expect(worker.runs[1]?.job.deadlineAtMs).toBeUndefined();
      expect(await stored.get(job.id)).toMatchObject({ state: "completed" });
      expect(await stored.counts()).toMatchObject({ dead: 0 });
    },
  ],

  [
    "are redriven by tenant, name, id, time and number, the oldest first",
    async (context) => {
      const { stored, newJob, work, until, now, advance } = context;
      const [first, last, b] = [newJob({ name: "a" }), newJob({ name: "a" }), newJob({ name: "b" })] as const;
      const other = newJob({ tenantId: "other" });
      await stored.add([first, b, other, last]);
      const worker = work({ concurrency: 1 }, dies);
      await until(() => worker.settled.length === 4);
      await worker.consumer.stop();
      const beforeMs = now();
      await advance(10);
      const late = now();
      const moved = async (query: object, diedBeforeMs = late) => {
        let sum = 0;
        for (let cursor: string | undefined; ; ) {
          const part = await stored.redrive({
            max: 10,
            ...query,
            diedBeforeMs,
            ...(cursor !== undefined && { cursor }),
          });
          sum += part.moved;
          if (part.cursor === undefined || "max" in query) return sum;
          cursor = part.cursor;
        }
      };
      expect(await moved({}, beforeMs - 60_000)).toBe(0);
      expect(await moved({ tenantId: "acme", name: "b" })).toBe(1);
      expect(await moved({ ids: [other.id, "none"], tenantId: "acme" })).toBe(0);
      expect(await moved({ ids: [other.id, "none"] })).toBe(1);
      expect(await moved({ tenantId: "acme", max: 1 })).toBe(1);
      expect(await stored.get(first.id)).toMatchObject({ state: "waiting" });
      expect(await stored.get(last.id)).toMatchObject({ state: "dead" });
      expect(await stored.counts()).toEqual({ waiting: 3, delayed: 0, active: 0, dead: 1 });
    },
  ],

  [
    "are listed by tenant in pages, the latest first",
    async (context) => {
      const { stored, newJob, work, until } = context;
      const jobs = Array.from({ length: 5 }, (_, index) => newJob({ name: `n${index}` }));
      await stored.add([...jobs, newJob({ tenantId: "other" })]);
      const worker = work({ concurrency: 1 }, dies);
      await until(() => worker.settled.length === 6);
      const listed: StoredJob[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await stored.list({
          state: "dead",
          tenantId: "acme",
          limit: 2,
          ...(cursor !== undefined && { cursor }),
        });
        expect(page.items.length).toBeLessThanOrEqual(2);
        listed.push(...page.items);
        if (page.cursor === undefined) break;
        cursor = page.cursor;
      }
      expect(listed.map(({ name }) => name).toSorted()).toEqual(["n0", "n1", "n2", "n3", "n4"]);
      // Jobs that died in the same millisecond are in any order.
      const endedAt = listed.map(({ finishedAtMs }) => finishedAtMs as number);
      expect(endedAt).toEqual(endedAt.toSorted((a, b) => b - a));
      expect(endedAt.at(0)).toBeGreaterThanOrEqual(endedAt.at(-1) as number);
    },
  ],
];
