import { expect } from "vitest";
import type { JobState } from "../types.js";
import type { Row, StoreContext } from "./context.js";

const failure = { name: "Error", message: "no" };
const JOBS = 7;

async function pages({ stored }: StoreContext, state: JobState, tenantId?: string): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const more = { ...(tenantId !== undefined && { tenantId }), ...(cursor !== undefined && { cursor }) };
    const page = await stored.list({ state, limit: 2, ...more });
    ids.push(...page.items.map(({ id }) => id));
    if (page.cursor === undefined) return ids;
    cursor = page.cursor;
  }
}

/** Jobs that change their state in one call have one time: their order has to be the same for each page. */
export const pageRows: readonly Row[] = [
  [
    "has each job once, also when several have the same time",
    async (context) => {
      const { stored, newJob, work, until, now } = context;
      const jobs = Array.from({ length: JOBS }, (_, i) => newJob({ tenantId: i % 2 === 0 ? "acme" : "other" }));
      const all = jobs.map(({ id }) => id).toSorted();
      const acme = jobs.filter(({ tenantId }) => tenantId === "acme").map(({ id }) => id);
      const expectPages = async (state: JobState): Promise<void> => {
        expect((await pages(context, state)).toSorted(), state).toEqual(all);
        expect((await pages(context, state, "acme")).toSorted(), state).toEqual(acme.toSorted());
      };
      const runAtMs = now() + 200;
      await stored.add(jobs.map((job) => ({ ...job, runAtMs })));
      await expectPages("delayed");
      const worker = work({ concurrency: JOBS });
      await until(() => worker.runs.length === JOBS);
      await expectPages("active");
      for (const run of worker.runs) run.settle({ kind: "dead", reason: "permanent", attemptsMade: 1, failure });
      await until(() => worker.settled.length === JOBS);
      await expectPages("dead");
      await worker.consumer.stop();
      await context.advance(5);
      expect(await stored.redrive({ diedBeforeMs: now(), max: 100 })).toMatchObject({ moved: JOBS });
      await expectPages("waiting");
      const second = work({ concurrency: JOBS }, () => ({ kind: "completed" }));
      await until(() => second.settled.length === JOBS);
      await expectPages("completed");
    },
  ],

  [
    "finds a tenant that waits among many that do not",
    async ({ stored, newJob, work, until }) => {
      await stored.add(Array.from({ length: 300 }, (_, i) => newJob({ tenantId: `idle-${i}` })));
      const worker = work({ concurrency: 100 }, () => ({ kind: "completed" }));
      await until(() => worker.settled.length === 300);
      await worker.consumer.stop();
      const job = newJob({ tenantId: "waiting" });
      await stored.add([job]);
      const { items, cursor } = await stored.list({ state: "waiting", limit: 10 });
      expect(items.map(({ id }) => id)).toEqual([job.id]);
      expect(cursor).toBeUndefined();
      expect((await stored.listTenants({ limit: 1000 })).items.map(({ tenantId }) => tenantId)).toEqual(["waiting"]);
    },
  ],
];
