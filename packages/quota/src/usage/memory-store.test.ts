import { createManualClock } from "@scale/core/testing";
import { expect, it } from "vitest";
import { describeUsageStore } from "../testing/index.js";
import { KEEP_OUTCOME_MS } from "./store.js";
import { createCounts } from "./memory-count.js";
import { memoryUsage } from "./memory-store.js";

describeUsageStore("memory", (clock) => memoryUsage({ clock }));

it("a memory store forgets what became of an id a day after it", async () => {
  const clock = createManualClock();
  const store = memoryUsage({ clock });
  const period = { key: "forever", startsAt: -Infinity, endsAt: Infinity };
  const commit = () =>
    store.commit({ tenantId: "acme", metric: "tokens", period, id: "a", units: 1, over: "cap", limit: 9, max: 9 });
  await commit();
  clock.advance(KEEP_OUTCOME_MS - 1);
  expect(await commit()).toMatchObject({ repeated: true });
  clock.advance(1);
  expect(await commit()).toMatchObject({ repeated: false, used: 2 });
});

it("a memory store forgets periods that are over", () => {
  const clock = createManualClock(0);
  const counts = createCounts(clock);
  const period = (endsAt: number) => ({ key: `day-${endsAt}`, startsAt: endsAt - 1, endsAt });
  const first = counts.open({ tenantId: "acme", metric: "tokens", period: period(1) });
  first.commit(undefined, { recorded: 5, late: false });
  clock.advance(3 * KEEP_OUTCOME_MS);
  for (let i = 0; i < 1000; i++) counts.open({ tenantId: `t${i}`, metric: "tokens", period: period(clock.now()) });
  expect(counts.open({ tenantId: "acme", metric: "tokens", period: period(1) }).level().used).toBe(0);
});
