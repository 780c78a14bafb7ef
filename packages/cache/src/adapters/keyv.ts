import { ConfigError, type Duration } from "@scale/core";
import { describeValue, parseDuration, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { TenantCache } from "../tenant-cache.js";
import { isTenantCache, maxTtlOption } from "./adapter-definition.js";
import { type NamespacedKey, namespacedValues } from "./namespaced-values.js";

export interface KeyvStoreOptions {
  /** Cache of the tenant: `cache.tenant("acme")`, or `() => cache.tenant()` for the tenant of the current request. */
  readonly tenant: TenantCache | (() => TenantCache);
  /**
   * Lifetime of a value that is set without a ttl, and upper bound of all others.
   * @default "30d"
   */
  readonly maxTtl?: Duration;
}

/** The part of keyv 5's storage adapter that Keyv uses. */
export interface KeyvStore {
  readonly opts: { readonly maxTtlMs: number };
  /** Set by Keyv. */
  namespace?: string | undefined;
  get<Value>(key: string): Promise<Value | undefined>;
  getMany<Value>(keys: string[]): Promise<(Value | undefined)[]>;
  /**
   * @param ttl milliseconds
   * @returns false if Redis could not be reached: then nothing was set
   */
  set(key: string, value: unknown, ttl?: number): Promise<boolean>;
  /** @returns false if Redis could not be reached and the deletion is queued; true also if there was no value */
  delete(key: string): Promise<boolean>;
  has(key: string): Promise<boolean>;
  hasMany(keys: string[]): Promise<boolean[]>;
  /** @throws {StoreError} if Redis could not be reached; the invalidation is queued */
  clear(): Promise<void>;
  on(event: string, listener: (...values: unknown[]) => void): KeyvStore;
}

const { definition, tagOf } = namespacedValues("keyv");

const schema = z.strictObject({
  tenant: z.custom<KeyvStoreOptions["tenant"]>(
    (value) => typeof value === "function" || isTenantCache(value),
    "expected cache.tenant(id), or a function that returns it",
  ),
  maxTtl: maxTtlOption,
});

/**
 * A storage adapter for Keyv: its values live in the cache of a tenant, in memory and in Redis, with its deadline and its
 * invalidations. Create one for each Keyv: Keyv tells its store only one namespace, so a second one throws.
 */
export function keyvStore(options: KeyvStoreOptions): KeyvStore {
  const { tenant, maxTtl: maxTtlMs } = parseOptions(schema, options, "keyvStore");
  const current = typeof tenant === "function" ? tenant : () => tenant;
  let assigned: { readonly name: string | undefined } | undefined;
  const paramsOf = (key: string): NamespacedKey => ({ namespace: assigned?.name ?? "", key });

  async function get<Value>(key: string): Promise<Value | undefined> {
    const found = await current().getIfPresent(definition, paramsOf(key));
    // Keyv's interface leaves the type of a value to its caller.
    return found?.value.value as Value | undefined;
  }
  const has = async (key: string): Promise<boolean> =>
    (await current().getIfPresent(definition, paramsOf(key))) !== undefined;

  const store: KeyvStore = {
    opts: { maxTtlMs },
    get namespace() {
      return assigned?.name;
    },
    set namespace(name) {
      if (assigned !== undefined && assigned.name !== name) {
        const expected = `expected namespace ${describeValue(assigned.name)}, got ${describeValue(name)}`;
        throw new ConfigError(`keyvStore: ${expected}: create a store for each Keyv`);
      }
      assigned = { name };
    },
    get,
    getMany: <Value>(keys: string[]) => Promise.all(keys.map((key) => get<Value>(key))),
    has,
    hasMany: (keys) => Promise.all(keys.map(has)),
    async set(key, value, ttl) {
      const at = { params: paramsOf(key), value: { value }, ttl: Math.min(ttlMsOf(ttl), maxTtlMs) };
      return (await current().set(definition, at)).state === "applied";
    },
    async delete(key) {
      return (await current().invalidate(definition, paramsOf(key))).state === "applied";
    },
    async clear() {
      await current().invalidateTags([tagOf(assigned?.name ?? "")], { require: "applied" });
    },
    // The adapter emits no events: failures of Redis are published on `scale:cache:store-fail`.
    on: () => store,
  };
  return store;
}

/** Keyv passes no ttl for `undefined` and 0. Any other number that is not above 0 is an error. */
function ttlMsOf(ttl: number | undefined): number {
  return ttl === undefined ? Number.POSITIVE_INFINITY : parseDuration(ttl);
}
