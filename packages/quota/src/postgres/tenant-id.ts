import { TenantError } from "@scale/core";
import { describeValue } from "@scale/core/kit";

/** An entry of an index takes 2704 bytes at most, and the keys of our tables have more than the tenant in them. */
const MAX_BYTES = 2048;

/**
 * Postgres has no NUL in texts, and of every lone surrogate the client makes the same character: two tenants would be one.
 * A row that is too long for the index would fail the whole statement, also for the tenants that are written with it.
 * @returns `tenantId`
 * @throws {TenantError} for an id that Postgres cannot store as it is
 */
export function storable(tenantId: string): string {
  if (!/[\0\p{Surrogate}]/u.test(tenantId) && Buffer.byteLength(tenantId) <= MAX_BYTES) return tenantId;
  throw new TenantError(
    `tenantId: expected a text of ${MAX_BYTES} bytes that Postgres can store, got ${describeValue(tenantId)}`,
  );
}
