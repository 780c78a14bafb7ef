import type { Clock } from "@scale/core";
import { createManualClock, type ManualClock } from "@scale/core/testing";
import type { Period } from "../types.js";
import type { OverReserved } from "../types.js";
import type { ChangeOutcome, CommitOutcome, UsageAddress, UsageChange, UsageStore } from "../usage/store.js";

/** Makes an empty store whose holds expire by `clock`. */
export type CreateUsageStore = (clock: Clock) => UsageStore | Promise<UsageStore>;

const DAY_MS = 86_400_000;
/** Two billing periods, one after the other. */
export const may: Period = { key: "month-may", startsAt: 1_700_000_000_000, endsAt: 1_700_000_000_000 + 30 * DAY_MS };
export const june: Period = { key: "month-june", startsAt: may.endsAt, endsAt: may.endsAt + 30 * DAY_MS };
/** The metric of most tests. */
export const tokens: UsageAddress = { tenantId: "acme", metric: "tokens", period: may };

/** Units of tokens with a limit of 100. */
export const of100 = (units: number): UsageAddress & UsageChange => ({ ...tokens, limit: 100, max: 100, units });

/** An empty store, and its calls for one metric of one tenant with a limit of 100. */
export interface UsageFixture {
  readonly clock: ManualClock;
  readonly store: UsageStore;
  reserve(id: string, units: number, ttlMs?: number): Promise<ChangeOutcome>;
  consume(units: number, id?: string): Promise<ChangeOutcome>;
  commit(id: string, units: number, over?: OverReserved): Promise<CommitOutcome>;
  release(id: string): Promise<void>;
  /** Units used and held. */
  totals(): Promise<readonly [number | undefined, number | undefined]>;
}

export async function openFixture(create: CreateUsageStore): Promise<UsageFixture> {
  const clock = createManualClock();
  const store = await create(clock);
  const tenantId = "acme";
  return {
    clock,
    store,
    reserve: async (id, units, ttlMs = 60_000) =>
      only((await store.reserve({ tenantId, id, ttlMs, changes: [of100(units)] })).changes),
    consume: async (units, id) =>
      only((await store.consume({ tenantId, ...(id !== undefined && { id }), changes: [of100(units)] })).changes),
    commit: (id, units, over = "reject") => store.commit({ ...of100(units), id, over }),
    release: (id) => store.release({ ...tokens, id }),
    async totals() {
      const [status] = await store.read({ tenantId, metrics: [tokens] });
      return [status?.used, status?.held];
    },
  };
}

/** The only element of a list. */
export function only<T>(list: readonly T[]): T {
  const [one, another] = list;
  if (one === undefined || another !== undefined) throw new Error(`expected one outcome, got ${list.length}`);
  return one;
}
