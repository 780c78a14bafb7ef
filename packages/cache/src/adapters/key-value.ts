import { ConfigError, type Duration } from "@scale/core";
import { parseDuration, parseOptions, describeValue } from "@scale/core/kit";
import { z } from "zod";
import type { Cache } from "../cache.js";
import type { Definition } from "../definition/definition.js";
import { doorDefinition, MAX_TTL } from "./adapter-definition.js";
import type { TenantCache } from "../tenant-cache.js";
import type { Receipt } from "../coherence/invalidate.js";

/** Seconds, as such caches count, or a number with a unit: `180` and `"3m"` are the same. */
export type KeyValueTtl = number | Exclude<Duration, number>;

export interface KeyValueOptions {
  /**
   * Whose values `get`, `set` and `delete` are about.
   * @default the tenant of the current work, for each call
   */
  readonly tenantId?: string;
  /**
   * Keeps equal keys apart, and can be invalidated as a whole.
   * @default "default"
   */
  readonly namespace?: string;
}

export interface KeyValueGetOrSetOptions {
  readonly ttl: KeyValueTtl;
  /** @default that of the cache */
  readonly namespace?: string;
}

/**
 * Values under keys that are named where they are used. Values go through JSON, and what JSON changes is refused.
 * What was set is there, also `null`, `0`, `""` and `false`; only `undefined` says that there is nothing.
 */
export interface KeyValueCache {
  /** @returns `undefined` when nothing is there, or the store cannot tell */
  get(key: string): Promise<unknown>;
  /** @throws {ConfigError} for a time that is none, and for a value that would not come back as it is */
  set(key: string, value: unknown, ttl: KeyValueTtl): Promise<Receipt>;
  delete(key: string): Promise<Receipt>;
  /**
   * The value, from the cache or loaded. Of all callers of all processes one loads.
   * @throws {ConfigError} for a time that is none; else what `load` throws
   */
  getOrSet<V>(
    tenantId: string,
    key: string,
    load: () => V | PromiseLike<V>,
    options: KeyValueGetOrSetOptions,
  ): Promise<V>;
  /** Ends all values of a namespace of a tenant, however many they are. Both are by default those of the cache. */
  invalidateNamespace(namespace?: string, tenantId?: string): Promise<Receipt>;
  /** Ends all that the tenant has in the cache, under definitions too. */
  invalidateTenant(tenantId?: string): Promise<Receipt>;
}

/** A value in a box: with one, a value that is nothing has a tag too, and `negativeTtl` does not apply to it. */
interface Box {
  readonly value?: unknown;
}

interface At {
  readonly namespace: string;
  readonly key: string;
  /** Only for who loads. */
  readonly make?: { load(): unknown; readonly ttlMs: number };
}

/** One for all: every such cache over the same store sees the same values. */
const values: Definition<At, Box> = doorDefinition<At, Box>({
  name: "key-value",
  key: ({ namespace, key }) => [namespace, key],
  ttl: MAX_TTL,
  tags: (_box, { namespace }) => [tagOf(namespace)],
  async load({ make }, context) {
    if (make === undefined) throw new ConfigError("a key-value cache loads in getOrSet only");
    context.ttl(make.ttlMs);
    return { value: await make.load() };
  },
});

const tagOf = (namespace: string): string => `=key-value ${namespace}`;

const schema = z.strictObject({
  tenantId: z.string().optional(),
  namespace: z.string().default("default"),
});

/** `get`, `set`, `delete` and `getOrSet` by plain keys, with times in seconds, for code that is written that way. */
export function createKeyValueCache(cache: Cache, options: KeyValueOptions = {}): KeyValueCache {
  const { namespace, tenantId } = parseOptions(schema, options, "createKeyValueCache");
  const own = (): TenantCache => cache.tenant(tenantId);
  const of = (other: string | undefined): TenantCache => cache.tenant(other ?? tenantId);

  return {
    async get(key) {
      return (await own().getIfPresent(values, { namespace, key }))?.value.value;
    },
    async set(key, value, ttl) {
      const at = { params: { namespace, key }, value: { value }, ttl: ttlMsOf(ttl, "set") };
      return own().set(values, at);
    },
    async delete(key) {
      return own().invalidate(values, { namespace, key });
    },
    // oxlint-disable-next-line max-params -- the shape that the callers have
    async getOrSet<V>(whose: string, key: string, load: () => V | PromiseLike<V>, options: KeyValueGetOrSetOptions) {
      const make = { load, ttlMs: ttlMsOf(options.ttl, "getOrSet") };
      const box = await cache.tenant(whose).get(values, { namespace: options.namespace ?? namespace, key, make });
      return box.value as V;
    },
    async invalidateNamespace(name = namespace, whose) {
      return of(whose).invalidateTags([tagOf(name)]);
    },
    async invalidateTenant(whose) {
      return of(whose).clear();
    },
  };
}

function ttlMsOf(ttl: KeyValueTtl, what: string): number {
  try {
    return parseDuration(typeof ttl === "number" ? ttl * 1000 : ttl);
  } catch (cause) {
    throw new ConfigError(`${what}: ttl: expected seconds above 0 or a text such as "3m", got ${describeValue(ttl)}`, {
      cause,
    });
  }
}
