import type { Clock } from "@scale/core";
import { createManualClock, type ManualClock } from "@scale/core/testing";
import type { Bounds, CommitOutcome, OverReserved, Period, ReserveInput, UsageAddress } from "../types.js";
import type { BulkUsageStore } from "../usage/store.js";

/** Makes an empty store whose holds expire by `clock`. */
export type CreateUsageStore = (clock: Clock) => BulkUsageStore | Promise<BulkUsageStore>;

export const DAY_MS = 86_400_000;
export const may: Period = { key: "month-may", startsAt: 1_700_000_000_000, endsAt: 1_700_000_000_000 + 30 * DAY_MS };
/** The metric that most tests are about. */
export const tokens: UsageAddress = { tenantId: "acme", metric: "tokens", period: may };
export const of100: UsageAddress & Bounds = { ...tokens, limit: 100, max: 100 };

export const hold = (id: string, units: number, ttlMs = 60_000): ReserveInput => ({ ...of100, id, units, ttlMs });

/** What a test asks of an empty store: one metric of one tenant with a limit of 100, unless it says more. */
export interface UsageBench {
  readonly clock: ManualClock;
  readonly store: BulkUsageStore;
  commit(id: string, units: number, over?: OverReserved): Promise<CommitOutcome>;
  release(id: string): Promise<void>;
  /** Units used and held. */
  level(): Promise<readonly [number | undefined, number | undefined]>;
}

export type NewUsageBench = () => Promise<UsageBench>;

export async function openBench(create: CreateUsageStore): Promise<UsageBench> {
  const clock = createManualClock();
  const store = await create(clock);
  return {
    clock,
    store,
    commit: (id, units, over = "reject") => store.commit({ ...of100, id, units, over }),
    release: (id) => store.release({ ...tokens, id }),
    async level() {
      const [standing] = await store.read({ tenantId: "acme", metrics: [tokens] });
      return [standing?.used, standing?.held];
    },
  };
}
