import { AsyncLocalStorage } from "node:async_hooks";
import { TenantError } from "./errors.js";
import { describeValue } from "./describe-value.js";

/** The tenant, and optionally the user and the address, that a piece of work runs for. */
export interface TenantContext {
  readonly tenantId: string;
  readonly userId?: string;
  /** Client address as the application resolved it. */
  readonly ip?: string;
}

/** Maximum length of a tenant or user id, in UTF-16 units. */
export const MAX_ID_LENGTH = 1024;

/** Completes the message "expected ..." for an id. */
export const EXPECTED_ID: string = `a string of 1 to ${MAX_ID_LENGTH} characters without NUL and lone surrogates`;

// One storage per process, also when the package is installed twice: with two, packages would not see each other's tenant.
const slot: unique symbol = Symbol.for("@scale/tenancy");
const shared = globalThis as { [slot]?: AsyncLocalStorage<TenantContext> };
const storage = (): AsyncLocalStorage<TenantContext> => (shared[slot] ??= new AsyncLocalStorage());

/** The tenant of the current work. It follows every `await`, timer and stream that the work starts. */
export const tenancy: {
  /**
   * Runs `fn`, and everything it starts, for this tenant. A user or address of `null`, as a row of a database has it, is
   * none.
   * @throws {TenantError} for an id that `parseTenantId` refuses
   */
  run<T>(context: TenantContext, fn: () => T): T;
  /** Returns the tenant, or `undefined` outside of `run`. */
  current(): TenantContext | undefined;
  /** @throws {TenantError} outside of `run` */
  require(): TenantContext;
} = {
  run: (context, fn) => storage().run(parseContext(context), fn),
  current: () => storage().getStore(),
  require() {
    const context = storage().getStore();
    if (context === undefined) throw new TenantError("expected a tenant, got none: run this work inside tenancy.run()");
    return context;
  },
};

/** Runs `fn`, and everything it starts, outside of any tenant. */
export const withoutTenant = <T>(fn: () => T): T => storage().exit(fn);

/** A string of Node 20 and later. The types have the method since ES2024. */
interface Checkable {
  isWellFormed(): boolean;
}

/**
 * True for an id that every backend stores as it is: 1 to 1,024 characters without NUL, which PostgreSQL stores in no text, and
 * without surrogates that lack their pair, which UTF-8 does not have: two such ids would be one.
 */
export const isStorableId = (id: string): boolean =>
  id.length > 0 && id.length <= MAX_ID_LENGTH && (id as string & Checkable).isWellFormed() && !id.includes("\0");

/**
 * Checks an id of unknown origin. Valid are strings of 1 to 1,024 characters without NUL and lone surrogates: keys escape all
 * other special characters.
 * @throws {TenantError} with the value
 */
export function parseTenantId(value: unknown): string {
  return parseId(value, "tenantId");
}

function parseId(value: unknown, name: keyof TenantContext): string {
  if (typeof value === "string" && isStorableId(value)) return value;
  throw new TenantError(`${name}: expected ${EXPECTED_ID}, got ${describeValue(value)}`);
}

/** Returns a frozen copy, so that later changes of the caller's object do not reach the work. */
function parseContext(context: TenantContext): TenantContext {
  if (typeof context !== "object" || context === null)
    throw new TenantError(`expected a tenant such as { tenantId: "acme" }, got ${describeValue(context)}`);
  const { tenantId } = context;
  const userId = context.userId ?? undefined;
  const ip = context.ip ?? undefined;
  parseId(tenantId, "tenantId");
  if (userId !== undefined) parseId(userId, "userId");
  if (ip !== undefined) parseId(ip, "ip");
  return Object.freeze({ tenantId, ...(userId !== undefined && { userId }), ...(ip !== undefined && { ip }) });
}
