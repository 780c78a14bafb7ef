import { expect } from "vitest";
import { COMPLETED, type Row, LEASE_MS, SHARE } from "./context.js";

const failure = { name: "Error", message: "no" };

export const cancelRows: readonly Row[] = [
  [
    "takes a waiting and a delayed job away",
    async (context) => {
      const { stored, newJob, work, until, now, other, advance } = context;
      const [waiting, delayed, last] = [newJob(), newJob({ runAtMs: now() + 100 }), newJob()];
      await stored.add([waiting, delayed, last]);
      expect(await other().cancel(waiting.id)).toBe("cancelled");
      expect(await other().cancel(delayed.id)).toBe("cancelled");
      const worker = work({}, COMPLETED);
      await until(() => worker.settled.length === 1);
      await advance(200);
      expect(worker.ids).toEqual([last.id]);
      expect(await stored.cancel(waiting.id)).toBe("finished");
      expect(await stored.get(waiting.id)).toMatchObject({ state: "cancelled" });
      expect(await stored.counts()).toEqual({ waiting: 0, delayed: 0, active: 0, dead: 0 });
    },
  ],

  [
    "takes a job away whatever it costs, and answers for ids that no job can have",
    async ({ stored, newJob, work, until }) => {
      const jobs = [1 / 3, 0.1 + 0.2, 1e-9, 123_456.789_012_345_67, 1_000_000].map((cost) => newJob({ cost }));
      await stored.add(jobs);
      for (const { id } of jobs) expect(await stored.cancel(id)).toBe("cancelled");
      expect(await stored.counts()).toEqual({ waiting: 0, delayed: 0, active: 0, dead: 0 });
      for (const id of ["", "nul\0", "\ud800", "x".repeat(5000)]) {
        expect(await stored.cancel(id)).toBe("unknown");
        expect(await stored.get(id)).toBeUndefined();
      }
      const last = newJob();
      await stored.add([last]);
      const worker = work({}, COMPLETED);
      await until(() => worker.settled.length === 1);
      expect(worker.ids).toEqual([last.id]);
    },
  ],

  [
    "aborts a job that runs, and wins over its completion",
    async (context) => {
      const { stored, newJob, work, until, other } = context;
      const job = newJob();
      await stored.add([job]);
      const worker = work();
      await until(() => worker.runs.length === 1);
      expect(await other().cancel(job.id)).toBe("cancelling");
      await until(() => worker.runs[0]?.signal.aborted === true, 1000);
      expect(worker.runs[0]?.signal.reason).toMatchObject({ code: "SCALE_JOB_CANCELLED", jobId: job.id });
      worker.runs[0]?.settle({ kind: "completed", output: "1" });
      await until(() => worker.settled.length === 1);
      expect(worker.settled[0]?.outcome).toBe("cancelled");
      expect(await stored.get(job.id)).toMatchObject({ state: "cancelled" });
      expect(await stored.cancel(job.id)).toBe("finished");
    },
  ],

  [
    "wins over every other settlement",
    async (context) => {
      const { stored, newJob, work, until, now, advance } = context;
      const jobs = [newJob(), newJob(), newJob(), newJob()];
      await stored.add(jobs);
      const worker = work();
      await until(() => worker.runs.length === 4);
      await Promise.all(jobs.map(({ id }) => stored.cancel(id)));
      const kinds = ["retry", "dead", "handed-back", "throttled"] as const;
      const base = { attemptsMade: 1, failure, reason: "attempts", atMs: now(), untilMs: now() } as const;
      for (const [index, kind] of kinds.entries()) worker.runs[index]?.settle({ kind, ...base });
      await until(() => worker.settled.length === 4);
      await advance(50);
      expect(worker.runs).toHaveLength(4);
      expect(worker.settled.map(({ outcome }) => outcome)).toEqual(kinds.map(() => "cancelled"));
      const states = await Promise.all(jobs.map(async ({ id }) => (await stored.get(id))?.state));
      expect(states).toEqual(kinds.map(() => "cancelled"));
    },
  ],

  [
    "leaves finished jobs as they are",
    async (context) => {
      const { stored, newJob, work, until } = context;
      const [done, dead] = [newJob(), newJob({ name: "dies" })];
      await stored.add([done, dead]);
      const worker = work({}, ({ job }) =>
        job.name === "dies" ? { kind: "dead", reason: "permanent", attemptsMade: 1, failure } : { kind: "completed" },
      );
      await until(() => worker.settled.length === 2);
      expect(await stored.cancel(done.id)).toBe("finished");
      expect(await stored.cancel(dead.id)).toBe("finished");
      expect(await stored.cancel("none")).toBe("unknown");
      expect(await stored.get(done.id)).toMatchObject({ state: "completed" });
      expect(await stored.get(dead.id)).toMatchObject({ state: "dead" });
    },
  ],

  [
    "has one outcome when the job completes at the same time",
    async (context) => {
      const { stored, newJob, work, until, other } = context;
      const jobs = Array.from({ length: 30 }, () => newJob());
      const canceller = other();
      const answers = new Map<string, Promise<string>>();
      const worker = work({ concurrency: 5 }, ({ job }) => {
        answers.set(job.id, canceller.cancel(job.id));
        return { kind: "completed" };
      });
      await stored.add(jobs);
      await until(() => worker.settled.length === 30);
      for (const { job, outcome } of worker.settled) {
        const answer = await answers.get(job.id);
        const state = (await stored.get(job.id))?.state;
        expect([answer, outcome, state]).toEqual(
          outcome === "cancelled" ? ["cancelling", "cancelled", "cancelled"] : ["finished", "applied", "completed"],
        );
      }
    },
  ],

  [
    "cancels a tenant's jobs in batches",
    async (context) => {
      const { stored, newJob, work, until, now } = context;
      const share = { ...SHARE, maxInFlight: 1 };
      await stored.add([newJob({ share })]);
      const worker = work();
      await until(() => worker.runs.length === 1);
      const later = [newJob({ share }), newJob({ share }), newJob({ share, runAtMs: now() + 60_000 })];
      await stored.add([...later, newJob({ tenantId: "other", runAtMs: now() + 60_000 })]);
      const first = await stored.cancelTenant("acme", 2);
      const second = await stored.cancelTenant("acme", 5);
      const sum = (key: "cancelled" | "cancelling") => first[key] + second[key];
      expect(first.cancelled + first.cancelling).toBe(2);
      expect([sum("cancelled"), sum("cancelling")]).toEqual([3, 1]);
      expect(await stored.cancelTenant("acme", 5)).toEqual({ cancelled: 0, cancelling: 0 });
      await until(() => worker.runs[0]?.signal.aborted === true, 1000);
      expect(await stored.counts()).toMatchObject({ delayed: 1, waiting: 0 });
    },
  ],

  [
    "releases the idempotency key",
    async (context) => {
      const { stored, newJob } = context;
      const idempotency = { key: "k", ttlMs: 60_000 };
      const job = newJob({ idempotency });
      await stored.add([job]);
      await stored.cancel(job.id);
      expect(await stored.add([newJob({ idempotency })])).toMatchObject([{ kind: "stored" }]);
    },
  ],

  [
    "keeps a running job cancelled when its worker dies",
    async (context) => {
      const { stored, newJob, work, until, advance } = context;
      const job = newJob();
      await stored.add([job]);
      const worker = work();
      await until(() => worker.runs.length === 1);
      await stored.cancel(job.id);
      await worker.consumer.close();
      const second = work();
      await until(async () => (await stored.get(job.id))?.state === "cancelled", LEASE_MS * 4);
      await advance(LEASE_MS);
      expect(second.runs).toHaveLength(0);
    },
  ],
];

export const purgeRows: readonly Row[] = [
  [
    "removes every job and the idempotency keys of the tenant, and nothing of others",
    async (context) => {
      const { stored, newJob, work, until, now } = context;
      const idempotency = { key: "k", ttlMs: 60_000 };
      const [done, dead] = [newJob({ idempotency }), newJob({ name: "dies" })];
      await stored.add([done, dead]);
      const worker = work({}, ({ job }) =>
        job.name === "dies" ? { kind: "dead", reason: "permanent", attemptsMade: 1, failure } : { kind: "completed" },
      );
      await until(() => worker.settled.length === 2);
      await worker.consumer.stop();
      await stored.pauseTenant("acme");
      const kept = newJob({ tenantId: "other" });
      await stored.add([newJob(), newJob({ runAtMs: now() + 60_000 }), kept]);
      let removed = 0;
      for (let part = 2; part === 2; removed += part) part = await stored.purgeTenant("acme", 2);
      expect(removed).toBe(4);
      expect(await stored.get(done.id)).toBeUndefined();
      expect(await stored.get(dead.id)).toBeUndefined();
      expect(await stored.counts()).toEqual({ waiting: 1, delayed: 0, active: 0, dead: 0 });
      expect((await stored.listTenants({ limit: 10 })).items.map(({ tenantId }) => tenantId)).toEqual(["other"]);
      expect(await stored.add([newJob({ idempotency })])).toMatchObject([{ kind: "stored" }]);
    },
  ],

  [
    "keeps nothing of a job that ran",
    async (context) => {
      const { stored, newJob, work, until } = context;
      const job = newJob();
      await stored.add([job]);
      const worker = work();
      await until(() => worker.runs.length === 1);
      await stored.purgeTenant("acme", 10);
      await until(() => worker.runs[0]?.signal.aborted === true, 1000);
      worker.runs[0]?.settle({ kind: "completed" });
      await until(() => worker.settled.length === 1);
      expect(await stored.get(job.id)).toBeUndefined();
      expect((await stored.listTenants({ limit: 10 })).items).toEqual([]);
    },
  ],
];
