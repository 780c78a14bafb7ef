import { ConfigError, type PlanResolver } from "@scale/core";
import { wrongResult } from "@scale/core/kit";
import type { RefuseReason } from "../events.js";
import type { Principal } from "../types.js";

/** A number of connections, or a function that reads it from the tenant's plan. */
export type ConnectionLimit = number | ((tenantId: string) => number | Promise<number>);

export interface ConnectionLimits {
  readonly perProcess: number;
  readonly perTenant: ConnectionLimit;
  readonly perUser: ConnectionLimit;
}

/** The ids that a connection is counted by. The same for `take` and `release`. */
export type SeatHolder = Pick<Principal, "tenantId" | "userId">;

/** Counts the connections of this process. */
export interface Seats {
  readonly count: number;
  /** Takes a seat, or returns why there is none. The caller gives it back with `release`, once. */
  take(holder: SeatHolder): Promise<RefuseReason | undefined>;
  release(holder: SeatHolder): void;
}

export interface SeatOptions extends ConnectionLimits {
  readonly plans: PlanResolver | undefined;
}

export function createSeats({ perProcess, perTenant, perUser, plans }: SeatOptions): Seats {
  const byTenant = new Map<string, number>();
  const byUser = new Map<string, number>();
  let count = 0;

  const add = (counts: Map<string, number>, key: string, change: 1 | -1): void => {
    const next = (counts.get(key) ?? 0) + change;
    if (next > 0) counts.set(key, next);
    else counts.delete(key);
  };
  const change = ({ tenantId, userId }: SeatHolder, by: 1 | -1): void => {
    count += by;
    add(byTenant, tenantId, by);
    if (userId !== undefined) add(byUser, userKey(tenantId, userId), by);
  };

  return {
    get count() {
      return count;
    },
    async take(holder) {
      const { tenantId, userId } = holder;
      const plan = (await plans?.resolve(tenantId))?.realtime;
      const tenantLimit = plan?.maxConnections ?? (await limitOf(perTenant, tenantId));
      const userLimit = plan?.maxConnectionsPerUser ?? (await limitOf(perUser, tenantId));
      // From here on nothing is awaited: two connections cannot take the last seat.
      if (count >= perProcess) return "process-limit";
      if ((byTenant.get(tenantId) ?? 0) >= tenantLimit) return "tenant-limit";
      if (userId !== undefined && (byUser.get(userKey(tenantId, userId)) ?? 0) >= userLimit) return "user-limit";
      change(holder, 1);
      return undefined;
    },
    release: (holder) => change(holder, -1),
  };
}

/** Different pairs of ids give different keys. */
const userKey = (tenantId: string, userId: string): string => JSON.stringify([tenantId, userId]);

async function limitOf(limit: ConnectionLimit, tenantId: string): Promise<number> {
  if (typeof limit === "number") return limit;
  const found: unknown = await limit(tenantId);
  if (typeof found === "number" && found >= 0) return found;
  throw wrongResult("createHub: limits", "a number >= 0", found);
}

/** @throws {ConfigError} for a fixed limit that no connection passes */
export function checkLimit(name: string, limit: ConnectionLimit): void {
  if (typeof limit === "number" && !(limit >= 1))
    throw new ConfigError(`createHub: limits.${name}: expected a number >= 1 or a function, got ${limit}`);
}
