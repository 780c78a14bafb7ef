import { ConfigError, type Duration } from "@scale/core";
import {
  createDeadline,
  type Deadline,
  describeValue,
  durationOption,
  functionOption,
  keySegment,
  parseOptions,
} from "@scale/core/kit";
import { z } from "zod";
import { type Codec, type Serializer, serializerOf, type ValueSchema } from "./codec.js";
import { type KeyParts, keyText } from "./key.js";

/** The context of one load. */
export interface LoadContext<V> {
  /** `""` when the value belongs to no tenant. */
  readonly tenantId: string;
  /** Aborted after the hard timeout. */
  readonly signal: AbortSignal;
  /** The value that the load replaces, if there is one. */
  readonly old: { readonly value: V; readonly ageMs: number } | undefined;
  /** Return its result when `old` is still valid: it then counts as loaded now. */
  notModified(): V;
  /** Sets the ttl of this value. Not available in `loadMany`. */
  ttl(ttl: Duration): void;
}

export interface DefinitionOptions<P, V> {
  /** First part of the keys: letters, digits, dots and dashes. */
  readonly name: string;
  /** Key of the value among those of the same tenant and name. */
  readonly key: (params: P) => KeyParts;
  /** Time for which a value is fresh. */
  readonly ttl: Duration;
  /** Exceptions from `ttl`: when a stale value is served, and when a fresh one is loaded again. */
  readonly freshness?: {
    /**
     * Time after `ttl` in which a stale value is served at once while it is loaded again.
     * @default never
     */
    readonly staleWhileRevalidate?: Duration;
    /**
     * Time after `ttl` in which a stale value is served when loading fails, or takes longer than `softTimeout`.
     * @default never
     */
    readonly grace?: Duration;
    /** Time after which a stale value is served while a load goes on, if `grace` allows it. @default none */
    readonly softTimeout?: Duration;
    /** Time after which a load fails with `SCALE_TIMEOUT`. @default "10s" */
    readonly hardTimeout?: Duration;
    /**
     * Time for which `null` and `undefined` are fresh.
     * @default ttl
     */
    readonly negativeTtl?: Duration;
    /**
     * Fraction of `ttl`, 0 to 1, by which it is shortened at random, so that values filled together do not expire together.
     * @default 0
     */
    readonly jitter?: number;
    /**
     * Factor for loading a value again before its `ttl` ends, the likelier the longer a load takes: 1 for about one load
     * ahead of time, 0 for never.
     * @default 0
     */
    readonly earlyRefresh?: number;
  };
  /** Tags of a value: `invalidateTags` invalidates all values with a tag. */
  readonly tags?: (value: Exclude<V, null | undefined>, params: P) => readonly string[];
  /** Format of the value in the store. */
  readonly format?: {
    /**
     * Version of the value's type. Increase it when the type changes: entries of other versions are then loaded again.
     * @default 1
     */
    readonly version?: number;
    /** Schema that parses every value. A value that went through the codec must parse to an equal value. */
    readonly schema?: ValueSchema<Exclude<V, undefined>>;
    /** @default JSON; with `devalue` for dates, bigints, maps, sets, `undefined`, NaN and infinite numbers */
    readonly codec?: Codec<Exclude<V, undefined>>;
  };
  /** Loads the value from its source. `undefined` means that there is none. Its errors reach the callers unchanged. */
  readonly load: (params: P, context: LoadContext<V>) => V | PromiseLike<V>;
  /** Loads many values at once, in the order of `params`. Used by `getMany`. An `Error` in place of a value fails that one alone. */
  readonly loadMany?: (
    params: readonly P[],
    context: Pick<LoadContext<V>, "tenantId" | "signal">,
  ) => PromiseLike<readonly (V | Error)[]>;
}

/** A kind of value that is cached, to be read through `cache.tenant(id)`. */
export interface Definition<P, V> {
  readonly name: string;
  readonly [parsedOf]: ParsedDefinition<P, V>;
}

/** The property of a definition that only this package reads. */
export const parsedOf: unique symbol = Symbol("parsed definition");

/** A definition with parsed options. */
export interface ParsedDefinition<P = unknown, V = unknown> {
  readonly name: string;
  readonly version: number;
  /** The options of the same names. */
  readonly times: {
    readonly ttlMs: number;
    readonly staleWhileRevalidateMs: number;
    readonly graceMs: number;
    readonly negativeTtlMs: number;
    readonly jitter: number;
  };
  /** Factor of `shouldRefreshEarly`. */
  readonly beta: number;
  readonly softMs: number | undefined;
  readonly hardMs: number;
  readonly deadline: Deadline;
  /** Name of the loader in errors. */
  readonly loaderName: string;
  readonly serializer: Serializer;
  readonly hasTags: boolean;
  /** Returns the L1 key. Injective. */
  keyOf(params: P): string;
  tagsOf(value: unknown, params: P): readonly string[];
  load(params: P, context: LoadContext<V>): V | PromiseLike<V>;
  readonly loadMany: DefinitionOptions<P, V>["loadMany"] | undefined;
}

const DEFAULT_HARD_MS = 10_000;

const fn = functionOption();

const schema = z.strictObject({
  name: z.string().regex(/^[a-z][\w.-]{0,63}$/i, "expected 1 to 64 letters, digits, dots and dashes"),
  key: fn,
  ttl: durationOption,
  freshness: z
    .strictObject({
      staleWhileRevalidate: durationOption.optional(),
      grace: durationOption.optional(),
      softTimeout: durationOption.optional(),
      hardTimeout: durationOption.optional(),
      negativeTtl: durationOption.optional(),
      jitter: z.number().min(0).max(1).optional(),
      earlyRefresh: z.number().min(0).max(10).optional(),
    })
    .default({}),
  tags: fn.optional(),
  format: z
    .strictObject({
      version: z.int().min(0).optional(),
      schema: z.custom(isSchema, "expected a schema with parse or ~standard").optional(),
      codec: z.custom(isCodec, "expected a codec with encode and decode").optional(),
    })
    .default({}),
  load: fn,
  loadMany: fn.optional(),
});

export function define<P, V>(options: DefinitionOptions<P, V>): Definition<P, V> {
  const parsed = parseDefinition(options, "cache.define");
  return { name: parsed.name, [parsedOf]: parsed };
}

/** @param caller the public function that the application called, for errors */
export function parseDefinition<P, V>(options: DefinitionOptions<P, V>, caller: string): ParsedDefinition<P, V> {
  const { name, ttl, freshness, format } = parseOptions(schema, options, caller);
  const { key, tags, load, loadMany } = options;
  const hardMs = freshness.hardTimeout ?? DEFAULT_HARD_MS;
  return {
    name,
    version: format.version ?? 1,
    times: {
      ttlMs: ttl,
      staleWhileRevalidateMs: freshness.staleWhileRevalidate ?? 0,
      graceMs: freshness.grace ?? 0,
      negativeTtlMs: freshness.negativeTtl ?? ttl,
      jitter: freshness.jitter ?? 0,
    },
    beta: freshness.earlyRefresh ?? 0,
    softMs: freshness.softTimeout,
    hardMs,
    deadline: createDeadline(hardMs),
    loaderName: `the loader of cache ${name}`,
    serializer: serializerOf(name, options.format?.schema, options.format?.codec),
    hasTags: tags !== undefined,
    keyOf: (params) => keyText(key(params)),
    tagsOf: (value, params) =>
      tags === undefined || value === null || value === undefined
        ? []
        : [...new Set(tags(value as Exclude<V, null | undefined>, params).map(tagText))],
    load,
    loadMany,
  };
}

/** Encodes a tag for keys and entries. */
export function tagText(tag: string): string {
  if (typeof tag !== "string" || tag === "") {
    throw new ConfigError(`tags: expected strings of at least one character, got ${describeValue(tag)}`);
  }
  return keySegment(tag).replaceAll("|", "%7c");
}

function isSchema(value: unknown): boolean {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  return ("parse" in value && typeof value.parse === "function") || "~standard" in value;
}

function isCodec(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("encode" in value) || !("decode" in value)) return false;
  return typeof value.encode === "function" && typeof value.decode === "function";
}
