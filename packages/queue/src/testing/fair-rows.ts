import { expect } from "vitest";
import { COMPLETED, type Row, type Run, SHARE } from "./context.js";

export const fairRows: readonly Row[] = [
  [
    "starts a quiet tenant's job within a few starts, however long the backlog of another is",
    async (context) => {
      const { stored, newJob, work, until, now } = context;
      await stored.add(Array.from({ length: 150 }, () => newJob({ tenantId: "noisy" })));
      await stored.add([newJob({ tenantId: "quiet" }), newJob({ tenantId: "quiet-later", runAtMs: now() + 1 })]);
      const worker = work({ concurrency: 1 }, COMPLETED);
      await until(() => worker.settled.length === 152, 20_000);
      const order = worker.runs.map(({ job }) => job.tenantId);
      expect(order.indexOf("quiet")).toBeLessThan(40);
      expect(order.indexOf("quiet-later")).toBeLessThan(80);
    },
  ],

  [
    "serves tenants with a backlog by their weights",
    async (context) => {
      const { stored, newJob, work, until } = context;
      const weights = { one: 1, three: 3, six: 6 };
      const jobs = Object.entries(weights).flatMap(([tenantId, weight]) =>
        Array.from({ length: weight * 15 + 5 }, () => newJob({ tenantId, share: { ...SHARE, weight } })),
      );
      await stored.add(jobs);
      const worker = work({ concurrency: 1 }, COMPLETED);
      await until(() => worker.settled.length >= 100, 20_000);
      const order = worker.runs.slice(0, 100).map(({ job }) => job.tenantId);
      const count = (tenantId: string) => order.filter((id) => id === tenantId).length;
      expect(count("one")).toBeGreaterThanOrEqual(8);
      expect(count("one")).toBeLessThanOrEqual(12);
      expect(count("three")).toBeGreaterThanOrEqual(27);
      expect(count("three")).toBeLessThanOrEqual(33);
    },
  ],

  [
    "runs no more jobs of a tenant at once than its cap, in all consumers together",
    async (context) => {
      const { stored, newJob, work, until, other, advance } = context;
      const share = { ...SHARE, maxInFlight: 2 };
      await stored.add(Array.from({ length: 6 }, () => newJob({ share })));
      const workers = [work({ concurrency: 5 }), work({ concurrency: 5 }, undefined, other())];
      const runs = () => workers.flatMap((worker) => worker.runs);
      await until(() => runs().length === 2);
      await advance(100);
      expect(runs()).toHaveLength(2);
      const settled = new Set<Run>();
      while (settled.size < 6) {
        await until(() => runs().length === Math.min(6, settled.size + 2));
        const run = runs().find((one) => !settled.has(one));
        if (run === undefined) break;
        settled.add(run);
        run.settle({ kind: "completed" });
      }
      await until(() => workers.flatMap((worker) => worker.settled).length === 6);
    },
  ],

  [
    "starts no job of a paused tenant until it is resumed",
    async (context) => {
      const { stored, newJob, work, until, other, advance } = context;
      await stored.pauseTenant("acme");
      await stored.add([newJob(), newJob({ tenantId: "other" })]);
      const worker = work({}, COMPLETED);
      await until(() => worker.settled.length === 1);
      await advance(100);
      expect(worker.runs.map(({ job }) => job.tenantId)).toEqual(["other"]);
      expect(await stored.tenantStats("acme")).toMatchObject({ waiting: 1, paused: true });
      expect(await stored.counts()).toMatchObject({ waiting: 1 });
      await other().resumeTenant("acme");
      await until(() => worker.settled.length === 2);
      expect(await stored.tenantStats("acme")).toMatchObject({ waiting: 0, paused: false, oldestWaitMs: 0 });
    },
  ],

  [
    "starts no more jobs of a tenant in a window than its rate",
    async (context) => {
      const { stored, newJob, work, until, now } = context;
      const share = { ...SHARE, rate: { limit: 2, windowMs: 600 } };
      await stored.add(Array.from({ length: 5 }, () => newJob({ share })));
      const beganMs = now();
      const worker = work({ concurrency: 5 }, COMPLETED);
      await until(() => worker.settled.length === 5);
      // Two at once, and then one each 300 ms.
      expect(now() - beganMs).toBeGreaterThanOrEqual(850);
    },
  ],

  [
    "puts a new share in force without a job",
    async (context) => {
      const { stored, newJob, work, until, advance } = context;
      const share = { ...SHARE, maxInFlight: 1 };
      await stored.add([newJob({ share }), newJob({ share })]);
      const worker = work({ concurrency: 5 });
      await until(() => worker.runs.length === 1);
      await advance(50);
      expect(worker.runs).toHaveLength(1);
      await stored.setShare("acme", { ...SHARE, maxInFlight: 2 });
      await until(() => worker.runs.length === 2);
    },
  ],
];
