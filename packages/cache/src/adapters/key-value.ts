import { ConfigError, type Duration } from "@scale/core";
import { describeValue, parseDuration, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { Cache } from "../cache.js";
import type { Receipt } from "../coherence/invalidate.js";
import type { TenantCache } from "../tenant-cache.js";
import { namespacedValues } from "./namespaced-values.js";

/** A number of seconds, as is usual for such caches, or a string with a unit: `180` and `"3m"` are the same. */
export type KeyValueTtl = number | Exclude<Duration, number>;

export interface KeyValueOptions {
  /**
   * Id of the tenant that `get`, `set` and `delete` use.
   * @default the tenant of `tenancy.run`, at each call
   */
  readonly tenantId?: string;
  /**
   * Namespace of the keys. Equal keys of two namespaces are different, and a namespace can be invalidated as a whole.
   * @default "default"
   */
  readonly namespace?: string;
}

/**
 * A cache with plain string keys. Values come back as they were, and a value that would not is refused. `null`, `0`, `""` and
 * `false` are values like others. Only `undefined` means that the cache has none.
 */
export interface KeyValueCache {
  /** @returns `undefined` if there is no value, or Redis does not answer */
  get(key: string): Promise<unknown>;
  /** @throws {ConfigError} for a ttl that is not a duration, and for a value that would not come back as it was */
  set(key: string, value: unknown, ttl: KeyValueTtl): Promise<Receipt>;
  delete(key: string): Promise<Receipt>;
  /**
   * Returns the value from the cache, or loads it. One caller of all processes loads it, the others wait.
   * @throws {ConfigError} for a ttl that is not a duration; otherwise what `load` throws
   */
  getOrSet<V>(
    tenantId: string,
    key: string,
    load: () => V | PromiseLike<V>,
    options: { readonly ttl: KeyValueTtl; readonly namespace?: string },
  ): Promise<V>;
  /** Invalidates all values of one namespace of a tenant, in one round trip. Defaults to the cache's namespace and tenant. */
  invalidateNamespace(namespace?: string, tenantId?: string): Promise<Receipt>;
  /** Invalidates everything that the tenant has in the cache, including the values of definitions. */
  invalidateTenant(tenantId?: string): Promise<Receipt>;
}

/** Shared by all instances: every key-value cache over the same store sees the same values. */
const { definition, tagOf } = namespacedValues("key-value");

const schema = z.strictObject({
  tenantId: z.string().optional(),
  namespace: z.string().default("default"),
});

/** `get`, `set`, `delete` and `getOrSet` with plain keys and times in seconds, for code that is written that way. */
export function createKeyValueCache(cache: Cache, options: KeyValueOptions = {}): KeyValueCache {
  const { namespace, tenantId } = parseOptions(schema, options, "createKeyValueCache");
  const tenantOf = (id = tenantId): TenantCache => cache.tenant(id);

  return {
    async get(key) {
      return (await tenantOf().getIfPresent(definition, { namespace, key }))?.value.value;
    },
    async set(key, value, ttl) {
      return tenantOf().set(definition, { params: { namespace, key }, value: { value }, ttl: ttlMsOf(ttl, "set") });
    },
    async delete(key) {
      return tenantOf().invalidate(definition, { namespace, key });
    },
    // oxlint-disable-next-line max-params -- the signature that its callers already use
    async getOrSet(id, key, load, options) {
      const source = { load, ttlMs: ttlMsOf(options.ttl, "getOrSet") };
      const params = { namespace: options.namespace ?? namespace, key, source };
      return (await tenantOf(id).get(definition, params)).value as Awaited<ReturnType<typeof load>>;
    },
    async invalidateNamespace(name = namespace, id) {
      return tenantOf(id).invalidateTags([tagOf(name)]);
    },
    async invalidateTenant(id) {
      return tenantOf(id).clear();
    },
  };
}

function ttlMsOf(ttl: KeyValueTtl, method: string): number {
  try {
    return parseDuration(typeof ttl === "number" ? ttl * 1000 : ttl);
  } catch (cause) {
    const expected = 'expected seconds above 0 or a string such as "3m"';
    throw new ConfigError(`${method}: ttl: ${expected}, got ${describeValue(ttl)}`, { cause });
  }
}
