import { TenantError } from "@scale/core";
import { describeValue } from "@scale/core/kit";

/** An index entry holds at most 2704 bytes, and the keys of our tables contain more than the tenant. */
const MAX_BYTES = 2048;

/**
 * Checks that Postgres stores a tenant id unchanged. Postgres strings hold no NUL, and the client replaces every lone
 * surrogate by the same character, which would merge two tenants. A row that is too long for the index would fail the
 * whole statement, also for the other tenants in it.
 * @returns `tenantId`
 * @throws {TenantError} for an id that Postgres cannot store unchanged
 */
export function postgresTenantId(tenantId: string): string {
  if (!/[\0\p{Surrogate}]/u.test(tenantId) && Buffer.byteLength(tenantId) <= MAX_BYTES) return tenantId;
  throw new TenantError(
    `tenantId: expected a string of at most ${MAX_BYTES} bytes without NUL and lone surrogates, got ${describeValue(tenantId)}`,
  );
}
