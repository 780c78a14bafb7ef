import { createManualClock } from "@scale/core/testing";
import { expect, it } from "vitest";
import { describeUsageStore } from "../testing/index.js";
import { KEEP_OUTCOME_MS } from "./store.js";
import { createCounts } from "./memory-count.js";
import { memoryUsage } from "./memory-store.js";

describeUsageStore("memory", (clock) => memoryUsage({ clock }));

it("a memory store forgets the state of an id a day after its last change", async () => {
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

it("a memory store forgets past periods", () => {
  const clock = createManualClock(0);
  const countOf = createCounts(clock);
  const period = (endsAt: number) => ({ key: `day-${endsAt}`, startsAt: endsAt - 1, endsAt });
  const first = countOf({ tenantId: "acme", metric: "tokens", period: period(1) });
  first.use(5);
  clock.advance(3 * KEEP_OUTCOME_MS);
  for (let i = 0; i < 1000; i++) countOf({ tenantId: `t${i}`, metric: "tokens", period: period(clock.now()) });
  expect(countOf({ tenantId: "acme", metric: "tokens", period: period(1) }).totals().used).toBe(0);
});
