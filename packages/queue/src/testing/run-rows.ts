import { expect } from "vitest";
import { COMPLETED, LEASE_MS, type Row, OPTIONS, type SettlementInput } from "./context.js";

const failure = { name: "Error", message: "no", stack: "at x" };

export const runRows: readonly Row[] = [
  [
    "keeps the lease of a job that goes on after stop, and stores its end",
    async (context) => {
      const { stored, newJob, work, until, advance, other } = context;
      const job = newJob();
      await stored.add([job]);
      const first = work();
      await until(() => first.runs.length === 1);
      await first.consumer.stop();
      const second = work({}, COMPLETED, other());
      await advance(LEASE_MS * 3);
      expect(second.runs).toHaveLength(0);
      first.runs[0]?.settle({ kind: "completed" });
      await until(() => first.settled.length === 1);
      expect(first.settled[0]?.outcome).toBe("applied");
      expect(await stored.get(job.id)).toMatchObject({ state: "completed", crashes: 0 });
    },
  ],

  [
    "runs a job once, and keeps its output",
    async (context) => {
      const { stored, newJob, work, until } = context;
      const job = newJob({ payload: '{"a":1}' });
      await stored.add([job]);
      const worker = work({}, () => ({ kind: "completed", output: '"done"' }));
      await until(() => worker.settled.length === 1);
      expect(worker.runs[0]?.job).toMatchObject({ id: job.id, payload: '{"a":1}', state: "active", attemptsMade: 0 });
      expect(worker.settled[0]).toMatchObject({ outcome: "applied", job: { id: job.id } });
      const stored1 = await stored.get(job.id);
      expect(stored1).toMatchObject({ state: "completed", output: '"done"', attemptsMade: 0 });
      expect(stored1?.finishedAtMs).toBeGreaterThanOrEqual(job.enqueuedAtMs);
      expect(await stored.counts()).toEqual({ waiting: 0, delayed: 0, active: 0, dead: 0 });
      expect(worker.runs).toHaveLength(1);
      // A tenant whose jobs have all ended is not listed.
      expect((await stored.listTenants({ limit: 10 })).items).toEqual([]);
    },
  ],

  [
    "runs every job once, with several consumers",
    async (context) => {
      const { stored, newJob, work, until, other } = context;
      const jobs = Array.from({ length: 60 }, (_, index) => newJob({ tenantId: `t${index % 7}` }));
      const workers = [work({ concurrency: 5 }, COMPLETED), work({ concurrency: 5 }, COMPLETED, other())];
      await stored.add(jobs.slice(0, 30));
      await Promise.all(jobs.slice(30).map((job) => stored.add([job])));
      const ids = () => workers.flatMap((worker) => worker.ids);
      await until(() => workers.flatMap(({ settled }) => settled).length === 60);
      expect(ids().toSorted()).toEqual(jobs.map(({ id }) => id).toSorted());
      for (const { peak } of workers) expect(peak).toBeLessThanOrEqual(5);
    },
  ],

  [
    "runs no delayed job before it is due",
    async (context) => {
      const { stored, newJob, work, until, now, advance } = context;
      const dueMs = now() + 400;
      await stored.add([newJob({ runAtMs: dueMs })]);
      const worker = work({}, COMPLETED);
      await advance(200);
      expect(worker.runs).toHaveLength(0);
      expect(await stored.counts()).toMatchObject({ delayed: 1, waiting: 0 });
      let startedMs = 0;
      await until(() => {
        startedMs = worker.runs[0]?.job.startedAtMs ?? now();
        return worker.runs.length === 1;
      });
      expect(startedMs).toBeGreaterThanOrEqual(dueMs);
    },
  ],

  [
    "runs a retried job again when it is due, with the attempts of the settlement",
    async (context) => {
      const { stored, newJob, work, until, now } = context;
      const job = newJob();
      const made: number[] = [];
      let retryMs = Infinity;
      await stored.add([job]);
      const worker = work({}, ({ job: { attemptsMade } }): SettlementInput => {
        made.push(attemptsMade);
        if (made.length > 1) return { kind: "completed" };
        retryMs = now() + 300;
        return { kind: "retry", atMs: retryMs, attemptsMade: 2, failure };
      });
      await until(() => worker.settled.length === 1);
      expect(await stored.get(job.id)).toMatchObject({ state: "delayed", dueAtMs: retryMs, attemptsMade: 2, failure });
      await until(() => worker.settled.length === 2);
      expect(made).toEqual([0, 2]);
      expect(worker.runs[1]?.job.startedAtMs).toBeGreaterThanOrEqual(retryMs);
    },
  ],

  [
    "puts a job that was handed back at the head of its tenant's line, with no attempt counted",
    async (context) => {
      const { stored, newJob, work, until } = context;
      const jobs = [newJob(), newJob(), newJob()];
      await stored.add(jobs);
      let runs = 0;
      const worker = work({ concurrency: 1 }, () => (runs++ === 0 ? { kind: "handed-back" } : { kind: "completed" }));
      await until(() => worker.settled.length === 4);
      expect(worker.ids).toEqual([jobs[0]?.id, jobs[0]?.id, jobs[1]?.id, jobs[2]?.id]);
      expect(worker.runs[1]?.job).toMatchObject({ attemptsMade: 0, crashes: 0 });
    },
  ],

  [
    "starts no job of a throttled tenant until its time, and those of others at once",
    async (context) => {
      const { stored, newJob, work, until, now } = context;
      const [first, second, other] = [newJob(), newJob(), newJob({ tenantId: "other" })];
      await stored.add([first, second]);
      let untilMs = 0;
      const worker = work({ concurrency: 1 }, ({ job }): SettlementInput => {
        if (untilMs > 0 || job.id !== first.id) return { kind: "completed" };
        untilMs = now() + 400;
        return { kind: "throttled", untilMs };
      });
      await until(() => untilMs > 0);
      await stored.add([other]);
      await until(() => worker.settled.length === 4);
      expect(worker.ids).toEqual([first.id, other.id, first.id, second.id]);
      expect(worker.runs[2]?.job).toMatchObject({ attemptsMade: 0 });
      expect(worker.runs[2]?.job.startedAtMs).toBeGreaterThanOrEqual(untilMs);
    },
  ],

  [
    "runs high before normal before low within a tenant, and each in the order of its enqueue",
    async (context) => {
      const { stored, newJob, work, until } = context;
      const jobs = (["low", "normal", "high", "low", "normal", "high"] as const).map((priority, index) =>
        newJob({ priority, name: `${priority}-${index}` }),
      );
      await stored.add(jobs);
      const worker = work({ concurrency: 1 }, COMPLETED);
      await until(() => worker.settled.length === 6);
      expect(worker.names).toEqual(["high-2", "high-5", "normal-1", "normal-4", "low-0", "low-3"]);
    },
  ],

  [
    "starts nothing after stop, and settles what runs",
    async (context) => {
      const { stored, newJob, work, until, advance } = context;
      const worker = work({ concurrency: 1 });
      await worker.consumer.ready();
      await stored.add([newJob(), newJob()]);
      await until(() => worker.runs.length === 1);
      await worker.consumer.stop();
      worker.runs[0]?.settle({ kind: "completed" });
      await until(() => worker.settled.length === 1);
      await advance(100);
      expect(worker.runs).toHaveLength(1);
      expect(worker.settled[0]?.outcome).toBe("applied");
    },
  ],

  [
    "removes finished jobs above the count of the retention, the first to end first",
    async (context) => {
      const { newJob, work, until, open, advance } = context;
      const kept = open({ retention: { ...OPTIONS.retention, finished: { count: 2, ageMs: 3_600_000 } } });
      const jobs = [newJob(), newJob(), newJob(), newJob()];
      const worker = work({ concurrency: 1 }, COMPLETED, kept);
      for (const [at, job] of jobs.entries()) {
        await kept.add([job]);
        await until(() => worker.settled.length === at + 1);
        // Jobs that end in the same millisecond are in any order.
        await advance(2);
      }
      const states = await Promise.all(jobs.map(async ({ id }) => (await kept.get(id))?.state));
      expect(states).toEqual([undefined, undefined, "completed", "completed"]);
    },
  ],

  [
    "removes ended jobs after the age of the retention, also when no other job ends",
    async ({ open, newJob, work, until }) => {
      const kept = { count: 1000, ageMs: 300 };
      const queue = open({ retention: { finished: kept, dead: kept } });
      const [completed, dead, cancelled] = [newJob({ name: "ok" }), newJob({ name: "no" }), newJob()] as const;
      await queue.add([cancelled]);
      await queue.cancel(cancelled.id);
      await queue.add([completed, dead]);
      const answer = ({ job }: { readonly job: { readonly name: string } }): SettlementInput =>
        job.name === "ok" ? { kind: "completed" } : { kind: "dead", reason: "permanent", attemptsMade: 1, failure };
      const worker = work({}, answer, queue);
      await until(() => worker.settled.length === 2);
      const isGone = async ({ id }: { readonly id: string }): Promise<boolean> => (await queue.get(id)) === undefined;
      for (const job of [cancelled, completed, dead]) await until(() => isGone(job));
      expect(await queue.counts()).toEqual({ waiting: 0, delayed: 0, active: 0, dead: 0 });
    },
  ],

  [
    "gives a name to one owner at a time",
    async (context) => {
      const { stored, other, advance } = context;
      expect(await stored.claim("slot", "a", 300)).toBe(true);
      expect(await other().claim("slot", "b", 300)).toBe(false);
      expect(await stored.claim("slot", "a", 300)).toBe(true);
      expect(await stored.claim("other slot", "b", 300)).toBe(true);
      await advance(400);
      expect(await stored.claim("slot", "b", 300)).toBe(true);
    },
  ],
];
