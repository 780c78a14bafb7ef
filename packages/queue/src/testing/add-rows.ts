import { expect } from "vitest";
import { COMPLETED, type Row, SHARE } from "./context.js";

/** Ids that a careless key or table would mix up. */
const HOSTILE_TENANTS: readonly string[] = [
  ...[
    "a",
    "a:b",
    "{a}",
    "a}",
    "{",
    "*",
    "a b",
    "__proto__",
    "constructor",
    "\u0000",
    "%3a",
    "é",
    "\u00e9\u0301",
    "\u{1f642}",
  ],
  ...["\ud800", "\ud801", "x".repeat(1024), `${"x".repeat(1023)}y`],
];

export const addRows: readonly Row[] = [
  [
    "keeps queues and claims apart, whatever their names contain",
    async ({ open, newJob, now }) => {
      const id = String(now());
      const names = ["nul\0", "\ud800", "\ud801", "#", "{a}:b", "a}", "__proto__"].map((name) => `${name}${id}`);
      const queues = names.map((name) => ({ name, queue: open({ name }) }));
      for (const { name, queue } of queues) {
        expect(await queue.add([newJob({ id, tenantId: name })])).toEqual([{ kind: "stored", id }]);
        expect(await queue.claim(name, "me", 1000)).toBe(true);
      }
      for (const { name, queue } of queues) {
        expect(await queue.get(id)).toMatchObject({ tenantId: name });
        expect(await queue.claim(name, "other", 1000)).toBe(false);
        for (const free of names.filter((other) => other !== name)) {
          expect(await queue.claim(free, "other", 1000)).toBe(true);
        }
      }
    },
  ],

  [
    "stores every field of a job as it is",
    async (context) => {
      const { stored, newJob, now } = context;
      const { share: _, ...record } = newJob({
        ...{ tenantId: "a:{b}", userId: "u 1", name: "email.send", version: 7, cost: 2.5, priority: "high" },
        payload: JSON.stringify({ text: "\u0000 \ud800 é \u{1f642}", big: 2 ** 53, deep: [[{ "": -0 }]] }),
        ...{ maxAttempts: 9, maxCrashes: 0, deadlineAtMs: now() + 60_000 },
        ...{ traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: "a=b" },
      });
      expect(await stored.add([{ ...record, share: SHARE }])).toEqual([{ kind: "stored", id: record.id }]);
      expect(await stored.get(record.id)).toEqual({ ...record, state: "waiting", attemptsMade: 0, crashes: 0 });
      expect(await context.other().get(record.id)).toMatchObject({ id: record.id });
    },
  ],

  [
    "knows nothing of an id that was never added",
    async (context) => {
      expect(await context.stored.get("none")).toBeUndefined();
    },
  ],

  [
    "stores a job with an id that it holds already once",
    async (context) => {
      const { stored, newJob } = context;
      const job = newJob();
      await stored.add([job]);
      expect(await stored.add([{ ...job, payload: "1" }])).toEqual([{ kind: "deduplicated", id: job.id }]);
      expect(await stored.get(job.id)).toMatchObject({ payload: "{}" });
      expect(await stored.counts()).toMatchObject({ waiting: 1 });
    },
  ],

  [
    "stores one of 50 jobs with one idempotency key that come at once",
    async (context) => {
      const { stored, newJob, other } = context;
      const queues = [stored, other()];
      const jobs = Array.from({ length: 50 }, () => newJob({ idempotency: { key: "k", ttlMs: 60_000 } }));
      const outcomes = (await Promise.all(jobs.map((job, index) => queues[index % 2]?.add([job])))).flat();
      const stores = outcomes.filter((outcome) => outcome?.kind === "stored");
      expect(stores).toHaveLength(1);
      expect(
        new Set(outcomes.map((outcome) => (outcome !== undefined && "id" in outcome ? outcome.id : ""))),
      ).toHaveLength(1);
    },
  ],

  [
    "keeps idempotency keys of other tenants and names apart",
    async (context) => {
      const { stored, newJob } = context;
      const idempotency = { key: "k", ttlMs: 60_000 };
      const jobs = [
        newJob({ idempotency }),
        newJob({ idempotency, tenantId: "other" }),
        newJob({ idempotency, name: "other" }),
        newJob({ idempotency: { ...idempotency, key: "test:k" } }),
      ];
      expect((await stored.add(jobs)).map(({ kind }) => kind)).toEqual(["stored", "stored", "stored", "stored"]);
    },
  ],

  [
    "holds an idempotency key after its job was completed, until its time has passed",
    async (context) => {
      const { stored, newJob, work, until, advance } = context;
      const again = () => newJob({ idempotency: { key: "k", ttlMs: 800 } });
      const first = again();
      await stored.add([first]);
      work({}, COMPLETED);
      await until(async () => (await stored.get(first.id))?.state === "completed");
      expect(await stored.add([again()])).toEqual([{ kind: "deduplicated", id: first.id }]);
      await advance(900);
      expect(await stored.add([again()])).toMatchObject([{ kind: "stored" }]);
    },
  ],

  [
    "refuses jobs above the backlog of their tenant, and stores those of others in the same call",
    async (context) => {
      const { stored, newJob, now } = context;
      const share = { ...SHARE, maxBacklog: 2 };
      const full = { kind: "backlog-full", backlog: 2, maxBacklog: 2 };
      const jobs = [
        ...[newJob({ share }), newJob({ share, runAtMs: now() + 60_000 }), newJob({ share })],
        newJob({ tenantId: "other" }),
      ];
      expect(await stored.add(jobs)).toMatchObject([{ kind: "stored" }, { kind: "stored" }, full, { kind: "stored" }]);
      expect(await stored.counts()).toEqual({ waiting: 2, delayed: 1, active: 0, dead: 0 });
      await stored.cancel(jobs[1]?.id ?? "");
      expect(await stored.add([newJob({ share }), newJob({ share })])).toMatchObject([{ kind: "stored" }, full]);
    },
  ],

  [
    "keeps tenants apart, whatever their ids contain",
    async (context) => {
      const { stored, newJob } = context;
      const jobs = HOSTILE_TENANTS.map((tenantId) => newJob({ tenantId }));
      await stored.add(jobs);
      const [first] = HOSTILE_TENANTS;
      for (const tenantId of HOSTILE_TENANTS) {
        expect(await stored.tenantStats(tenantId)).toMatchObject({ tenantId, waiting: 1 });
        const { items } = await stored.list({ state: "waiting", tenantId, limit: 10 });
        expect(items.map((job) => job.tenantId)).toEqual([tenantId]);
      }
      const listed = (await stored.listTenants({ limit: 100 })).items.map(({ tenantId }) => tenantId);
      expect(listed.toSorted()).toEqual([...HOSTILE_TENANTS].toSorted());
      await stored.cancelTenant(first ?? "", 10);
      expect(await stored.counts()).toMatchObject({ waiting: HOSTILE_TENANTS.length - 1 });
    },
  ],

  [
    "keeps queues of other names apart",
    async (context) => {
      const { stored, newJob, open } = context;
      const job = newJob();
      await stored.add([job]);
      const other = open();
      expect(await other.get(job.id)).toBeUndefined();
      expect(await other.add([job])).toMatchObject([{ kind: "stored" }]);
    },
  ],
];
