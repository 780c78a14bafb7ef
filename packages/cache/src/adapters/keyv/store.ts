import { ConfigError, type Duration } from "@scale/core";
import { parseDuration, parseOptions, describeValue } from "@scale/core/kit";
import { z } from "zod";
import type { Definition } from "../../definition/definition.js";
import { doorDefinition, isTenantCache, MAX_TTL, maxTtlOption } from "../adapter-definition.js";
import type { TenantCache } from "../../tenant-cache.js";

export interface KeyvStoreOptions {
  /** Whose values they are: `cache.tenant("acme")`, or `() => cache.tenant()` for the tenant of the current work. */
  readonly tenant: TenantCache | (() => TenantCache);
  /**
   * How long a value is kept that is set without a time. No value is kept for ever.
   * @default "30d"
   */
  readonly maxTtl?: Duration;
}

/** The storage adapter of keyv 5, as far as it asks for one. */
export interface KeyvStore {
  readonly opts: { readonly maxTtlMs: number };
  /** Set by Keyv. */
  namespace?: string | undefined;
  get<Value>(key: string): Promise<Value | undefined>;
  getMany<Value>(keys: string[]): Promise<(Value | undefined)[]>;
  /**
   * @param ttl milliseconds
   * @returns false when the store could not be reached: then nothing is there
   */
  set(key: string, value: unknown, ttl?: number): Promise<boolean>;
  /** @returns false when the store could not be reached: the deletion is queued; true also when nothing was there */
  delete(key: string): Promise<boolean>;
  has(key: string): Promise<boolean>;
  hasMany(keys: string[]): Promise<boolean[]>;
  /** @throws {StoreError} when the store could not be reached: it is queued */
  clear(): Promise<void>;
  on(event: string, listener: (...values: unknown[]) => void): KeyvStore;
}

interface At {
  readonly namespace: string;
  readonly key: string;
}

/** A box, because what has a tag must be something. */
interface Box {
  readonly value?: unknown;
}

const values: Definition<At, Box> = doorDefinition<At, Box>({
  name: "keyv",
  key: ({ namespace, key }) => [namespace, key],
  ttl: MAX_TTL,
  tags: (_box, { namespace }) => [tagOf(namespace)],
  load() {
    throw new ConfigError("a keyv store loads nothing");
  },
});

const schema = z.strictObject({
  tenant: z.custom<KeyvStoreOptions["tenant"]>(
    (value) => typeof value === "function" || isTenantCache(value),
    "expected cache.tenant(id), or a function that gives one",
  ),
  maxTtl: maxTtlOption,
});

const tagOf = (namespace: string): string => `=keyv ${namespace}`;

/**
 * Keeps what a Keyv keeps in the cache of a tenant: in memory and in Redis, with its deadline and its invalidations.
 * One for each Keyv: a second one with another namespace throws, because Keyv tells its store one namespace only.
 */
export function keyvStore(options: KeyvStoreOptions): KeyvStore {
  const { tenant, maxTtl: maxTtlMs } = parseOptions(schema, options, "keyvStore");
  const of = typeof tenant === "function" ? tenant : () => tenant;
  let name: { readonly is: string | undefined } | undefined;
  const at = (key: string): At => ({ namespace: name?.is ?? "", key });

  async function find<Value>(key: string): Promise<Value | undefined> {
    const found = await of().getIfPresent(values, at(key));
    // What was put there is the caller's to know.
    return found?.value.value as Value | undefined;
  }
  const has = async (key: string): Promise<boolean> => (await of().getIfPresent(values, at(key))) !== undefined;

  const store: KeyvStore = {
    opts: { maxTtlMs },
    get namespace() {
      return name?.is;
    },
    set namespace(is) {
      if (name !== undefined && name.is !== is) {
        throw new ConfigError(
          `keyvStore: it is that of namespace ${describeValue(name.is)}, and cannot be that of ${describeValue(is)}`,
        );
      }
      name = { is };
    },
    get: find,
    getMany: <Value>(keys: string[]) => Promise.all(keys.map((key) => find<Value>(key))),
    has,
    hasMany: (keys) => Promise.all(keys.map(has)),
    async set(key, value, ttl) {
      const receipt = await of().set(values, { params: at(key), value: { value }, ttl: Math.min(msOf(ttl), maxTtlMs) });
      return receipt.state === "applied";
    },
    async delete(key) {
      return (await of().invalidate(values, at(key))).state === "applied";
    },
    async clear() {
      await of().invalidateTags([tagOf(name?.is ?? "")], { require: "applied" });
    },
    // Nothing is emitted: failures of the store are published on `scale:cache:store-fail`.
    on: () => store,
  };
  return store;
}

/** Keyv gives no time for `undefined` and 0; anything else that is not above 0 is a mistake. */
function msOf(ttl: number | undefined): number {
  if (ttl === undefined) return Number.POSITIVE_INFINITY;
  return parseDuration(ttl);
}
