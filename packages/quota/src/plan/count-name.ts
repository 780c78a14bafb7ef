import { TenantError, tenancy } from "@scale/core";
import { describeValue, joinKey } from "@scale/core/kit";

/** A metric's count is of the tenant, or of each of its users. */
export type CountedBy = "tenant" | "user";

/** User whose count is meant. */
export interface UserOptions {
  /**
   * User of metrics that are counted by user.
   * @default the user of `tenancy.current()`, when its tenant is that of the call
   */
  readonly userId?: string;
}

/** The name is a part of keys and of an index of Postgres. */
const MAX_BYTES = 512;

/**
 * Name of a metric's count in the stores: `tokens`, or `tokens:user:<id>` for a metric that is counted by user.
 * @param userId default: the user of `tenancy.current()`, when its tenant is this one
 * @throws {TenantError} for a metric by user without a user, and for an id that is too long
 */
export function countName(
  { metric, by }: { readonly metric: string; readonly by: CountedBy },
  { tenantId, userId }: { readonly tenantId: string; readonly userId: string | undefined },
): string {
  if (by === "tenant") return metric;
  const user = userId ?? currentUser(tenantId);
  const name = typeof user === "string" && user !== "" ? joinKey([metric, "user", user]) : undefined;
  if (name !== undefined && Buffer.byteLength(name) <= MAX_BYTES) return name;
  throw new TenantError(
    `userId: expected the user of ${describeValue(metric)}, of at most ${MAX_BYTES} bytes, got ${describeValue(user)}: ` +
      "pass userId, or run inside tenancy.run({ tenantId, userId })",
  );
}

/** The user of the current context, when it is of this tenant. */
export function currentUser(tenantId: string): string | undefined {
  const current = tenancy.current();
  return current?.tenantId === tenantId ? current.userId : undefined;
}
