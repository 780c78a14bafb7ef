import { ConfigError, type Duration } from "@scale/core";
import { createDeadline, type Deadline, keySegment, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { type Codec, type Shape, shapeOf, type ValueSchema } from "./codec.js";
import { durationOption } from "@scale/core/kit";
import type { Lifetimes } from "./lifetimes.js";
import { keyText } from "./key.js";

/** Parts of a key. A number is the same part as its digits. */
export type KeyParts = string | number | readonly (string | number)[];

/** What a loader is told, and may say. */
export interface LoadContext<V> {
  /** `""` when the value belongs to no tenant. */
  readonly tenantId: string;
  /** Aborted when the hard timeout is over. */
  readonly signal: AbortSignal;
  /** The value that is to be replaced, while it can still be had. */
  readonly old: { readonly value: V; readonly ageMs: number } | undefined;
  /** Return it when `old` is still right: it counts as loaded now. */
  notModified(): V;
  /** Sets how long this value is fresh. Not in `loadMany`. */
  ttl(ttl: Duration): void;
}

export interface DefinitionOptions<P, V> {
  /** First part of the keys: letters, digits, dots and dashes. */
  readonly name: string;
  /**
   * Of the type of the value: count it up when it changes, and entries of other versions are loaded again.
   * @default 1
   */
  readonly version?: number;
  /** What tells this value from others of the same tenant and name. */
  readonly key: (params: P) => KeyParts;
  /** How long a value is fresh. */
  readonly ttl: Duration;
  /**
   * How long after `ttl` a value is served at once while it is loaded again.
   * @default never
   */
  readonly staleWhileRevalidate?: Duration;
  /**
   * How long after `ttl` a value is served when loading fails, or takes longer than `timeouts.soft`.
   * @default never
   */
  readonly grace?: Duration;
  /**
   * How long `null` and `undefined` are fresh.
   * @default ttl
   */
  readonly negativeTtl?: Duration;
  /**
   * The part of `ttl`, 0 to 1, by which it is shortened at random.
   * @default 0
   */
  readonly jitter?: number;
  /**
   * Loads again before the end of `ttl`, the likelier the longer a load takes: 1 for about one load ahead, 0 for never.
   * @default 0
   */
  readonly earlyRefresh?: number;
  /** `hard` ends a load with `SCALE_TIMEOUT` (default 10 s); after `soft` an old value is served, if `grace` has one. */
  readonly timeouts?: { readonly soft?: Duration; readonly hard?: Duration };
  /** Groups that `invalidateTags` ends together. */
  readonly tags?: (value: Exclude<V, null | undefined>, params: P) => readonly string[];
  /** What every value is read through. It must make the same of a value that went through JSON. */
  readonly schema?: ValueSchema<Exclude<V, undefined>>;
  /** @default JSON */
  readonly codec?: Codec<Exclude<V, undefined>>;
  /** Gets the value from where it is true. `undefined` means that there is none. Its errors reach the readers as they are. */
  readonly load: (params: P, context: LoadContext<V>) => V | PromiseLike<V>;
  /** Gets many at once, in the order of `params`. Used by `getMany`. */
  readonly loadMany?: (params: readonly P[], context: LoadManyContext) => PromiseLike<readonly V[]>;
}

export type LoadManyContext = Pick<LoadContext<unknown>, "tenantId" | "signal">;

/** A kind of value that is cached, to be read through `cache.tenant(id)`. */
export interface Definition<P, V> {
  readonly name: string;
  readonly [specOf]: Spec<P, V>;
}

/** Where a definition keeps what only the cache needs. */
export const specOf: unique symbol = Symbol("spec");

/** A definition, ready to use. */
export interface Spec<P = unknown, V = unknown> {
  readonly name: string;
  readonly version: number;
  readonly times: Lifetimes;
  readonly beta: number;
  readonly softMs: number | undefined;
  readonly hardMs: number;
  readonly deadline: Deadline;
  /** In errors. */
  readonly loaderName: string;
  readonly shape: Shape;
  readonly hasTags: boolean;
  /** In this process. Injective. */
  keyOf(params: P): string;
  tagsOf(value: unknown, params: P): readonly string[];
  load(params: P, context: LoadContext<V>): V | PromiseLike<V>;
  readonly loadMany: ((params: readonly P[], context: LoadManyContext) => PromiseLike<readonly V[]>) | undefined;
}

const DEFAULT_HARD_MS = 10_000;

const isFunction = (value: unknown): boolean => typeof value === "function";
const fn = z.custom(isFunction, "expected a function");

const schema = z.strictObject({
  name: z.string().regex(/^[a-z][\w.-]{0,63}$/i, "expected 1 to 64 letters, digits, dots and dashes"),
  version: z.int().min(0).default(1),
  key: fn,
  ttl: durationOption,
  staleWhileRevalidate: durationOption.optional(),
  grace: durationOption.optional(),
  negativeTtl: durationOption.optional(),
  jitter: z.number().min(0).max(1).default(0),
  earlyRefresh: z.number().min(0).max(10).default(0),
  timeouts: z.strictObject({ soft: durationOption.optional(), hard: durationOption.optional() }).default({}),
  tags: fn.optional(),
  schema: z.custom(isSchema, "expected a schema with parse or ~standard").optional(),
  codec: z.custom(isCodec, "expected a codec with encode and decode").optional(),
  load: fn,
  loadMany: fn.optional(),
});

export function define<P, V>(options: DefinitionOptions<P, V>): Definition<P, V> {
  const spec = specFrom(options, "cache.define");
  return { name: spec.name, [specOf]: spec };
}

/** @param what the public function the caller wrote */
export function specFrom<P, V>(options: DefinitionOptions<P, V>, what: string): Spec<P, V> {
  const parsed = parseOptions(schema, options, what);
  const { name, ttl, timeouts } = parsed;
  const { key, tags, load, loadMany } = options;
  const hardMs = timeouts.hard ?? DEFAULT_HARD_MS;
  return {
    name,
    version: parsed.version,
    times: {
      ttlMs: ttl,
      swrMs: parsed.staleWhileRevalidate ?? 0,
      graceMs: parsed.grace ?? 0,
      negativeTtlMs: parsed.negativeTtl ?? ttl,
      jitter: parsed.jitter,
    },
    beta: parsed.earlyRefresh,
    softMs: timeouts.soft,
    hardMs,
    deadline: createDeadline(hardMs),
    loaderName: `the loader of cache ${name}`,
    shape: shapeOf(name, options.schema, options.codec),
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

/** A tag as keys and entries carry it. */
export function tagText(tag: string): string {
  if (typeof tag !== "string" || tag === "") throw new ConfigError("a tag is a text of at least one character");
  return keySegment(tag).replaceAll("|", "%7c");
}

function isSchema(value: unknown): boolean {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  return ("parse" in value && isFunction(value.parse)) || "~standard" in value;
}

function isCodec(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("encode" in value) || !("decode" in value)) return false;
  return isFunction(value.encode) && isFunction(value.decode);
}
