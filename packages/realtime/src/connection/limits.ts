import { ConfigError } from "@scale/core";
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

/** Counts the connections of this process. */
export interface Seats {
  readonly count: number;
  /** Takes a seat, or returns why there is none. The caller gives it back with `release`, once. */
  take(principal: Principal): Promise<RefuseReason | undefined>;
  release(principal: Principal): void;
}

export function createSeats({ perProcess, perTenant, perUser }: ConnectionLimits): Seats {
  const byTenant = new Map<string, number>();
  const byUser = new Map<string, number>();
  let count = 0;

  const add = (counts: Map<string, number>, key: string, change: 1 | -1): void => {
    const next = (counts.get(key) ?? 0) + change;
    if (next > 0) counts.set(key, next);
    else counts.delete(key);
  };
  const change = ({ tenantId, userId }: Principal, by: 1 | -1): void => {
    count += by;
    add(byTenant, tenantId, by);
    if (userId !== undefined) add(byUser, userKey(tenantId, userId), by);
  };

  return {
    get count() {
      return count;
    },
    async take(principal) {
      const { tenantId, userId } = principal;
      const [tenantLimit, userLimit] = [await limitOf(perTenant, tenantId), await limitOf(perUser, tenantId)];
      // From here on nothing is awaited: two connections cannot take the last seat.
      if (count >= perProcess) return "process-limit";
      if ((byTenant.get(tenantId) ?? 0) >= tenantLimit) return "tenant-limit";
      if (userId !== undefined && (byUser.get(userKey(tenantId, userId)) ?? 0) >= userLimit) return "user-limit";
      change(principal, 1);
      return undefined;
    },
    release: (principal) => change(principal, -1),
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
