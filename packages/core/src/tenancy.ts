import { AsyncLocalStorage } from "node:async_hooks";
import { TenantError } from "./errors.js";
import { describeValue } from "./describe-value.js";

/** Who a piece of work is for. */
export interface TenantContext {
  readonly tenantId: string;
  readonly userId?: string;
  /** The client's address as the application resolved it. */
  readonly ip?: string;
}

/** Longest tenant or user id, in UTF-16 units. */
export const MAX_ID_LENGTH = 1024;

// One storage per process, also when the package is installed twice: a second one would lose the tenant between packages.
const slot: unique symbol = Symbol.for("@scale/tenancy");
const shared = globalThis as { [slot]?: AsyncLocalStorage<TenantContext> };
const storage = (): AsyncLocalStorage<TenantContext> => (shared[slot] ??= new AsyncLocalStorage());

/** The tenant of the current work, carried through every `await`, timer and stream of it. */
export const tenancy: {
  /**
   * Runs `fn`, and all it starts, for this tenant.
   * @throws {TenantError} for an id that is not a text of 1 to 1,024 characters
   */
  run<T>(context: TenantContext, fn: () => T): T;
  /** `undefined` outside of `run`. */
  current(): TenantContext | undefined;
  /** @throws {TenantError} outside of `run` */
  require(): TenantContext;
} = {
  run: (context, fn) => storage().run(parseContext(context), fn),
  current: () => storage().getStore(),
  require() {
    const context = storage().getStore();
    if (context === undefined) throw new TenantError("no tenant: this work does not run inside tenancy.run()");
    return context;
  },
};

/**
 * Checks an id of unknown origin. Any text of 1 to 1,024 characters is one: what it contains is harmless in keys.
 * @throws {TenantError} that shows the value
 */
export function parseTenantId(value: unknown): string {
  if (isId(value)) return value;
  throw new TenantError(`tenantId: expected a text of 1 to ${MAX_ID_LENGTH} characters, got ${describeValue(value)}`);
}

/** A copy that nobody can change: what was checked is what all of the work sees. */
function parseContext(context: TenantContext): TenantContext {
  if (typeof context !== "object" || context === null)
    throw new TenantError(`expected a tenant, got ${describeValue(context)}`);
  const { tenantId, userId, ip } = context;
  parseTenantId(tenantId);
  if (userId !== undefined && !isId(userId)) {
    throw new TenantError(`userId: expected a text of 1 to ${MAX_ID_LENGTH} characters, got ${describeValue(userId)}`);
  }
  if (ip !== undefined && !isId(ip)) throw new TenantError(`ip: expected an address, got ${describeValue(ip)}`);
  return Object.freeze({ tenantId, ...(userId !== undefined && { userId }), ...(ip !== undefined && { ip }) });
}

const isId = (value: unknown): value is string =>
  typeof value === "string" && value.length > 0 && value.length <= MAX_ID_LENGTH;
