import { type Bytes, type Clock, ConfigError, type Duration, systemClock } from "@scale/core";
import {
  clockOption,
  describeValue,
  durationOption,
  functionOption,
  methodOption,
  parseBytes,
  parseOptions,
  timeoutOption,
} from "@scale/core/kit";
import { z } from "zod";
import type { FlagDefinitions, FlagValue } from "./define.js";
import type { DegradeOptions } from "./degrade/binding.js";
import type { ExposureOptions } from "./exposure.js";
import type { FlagSource, LastKnownGood } from "./source/types.js";

export interface FlagsOptions<D extends FlagDefinitions> {
  /** The flags of the application, from `defineFlags`. */
  readonly flags: D;
  /**
   * Live source of the rules: `redisSource`, or `memorySource()`.
   * @default none: flags have their defaults, or the rules of `lastKnownGood`
   */
  readonly source?: FlagSource;
  /**
   * Last good document of an earlier process, used until the live source answers: `lastKnownGoodFile`.
   * @default none: flags have their defaults until the live source answers
   */
  readonly lastKnownGood?: LastKnownGood;
  /**
   * Maximum age of rules that the live source no longer confirms. Older rules count as absent: flags have their defaults, with
   * the reason `STALE`. Kill switches keep holding.
   * @default none: the last known rules hold, however old they are
   */
  readonly maxStaleness?: Duration;
  /** Function that returns the plan of a tenant from memory: `planNames(resolver)`. `undefined` meets no rule for plans. */
  readonly planOf?: (tenantId: string) => string | undefined;
  /** Bindings to signals: a flag has another value while a breaker is open, or the event loop is busy. */
  readonly degrade?: { readonly [K in keyof D]?: DegradeOptions<FlagValue<D, K>> };
  readonly exposures?: ExposureOptions;
  readonly refresh?: {
    /**
     * Milliseconds between two polls of the live source. Changes that it announces are read at once.
     * @default 1000
     */
    readonly pollMs?: number;
    /**
     * Deadline of one call of the source, in milliseconds.
     * @default 1000
     */
    readonly timeoutMs?: number;
    /**
     * Maximum size of a document. A larger one is refused.
     * @default "1MiB"
     */
    readonly maxBytes?: Bytes;
  };
  /** Clock, for tests. */
  readonly clock?: Clock;
}

const bytesOption = z.unknown().transform((value, context) => {
  try {
    return parseBytes(value);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
});

const schema = z.strictObject({
  flags: z.custom<FlagDefinitions>(
    (value) => typeof value === "object" && value !== null,
    "expected defineFlags({ ... })",
  ),
  source: methodOption<FlagSource>("read", "a source such as redisSource").optional(),
  lastKnownGood: methodOption<LastKnownGood>("load", "lastKnownGoodFile({ path })").optional(),
  maxStaleness: durationOption.optional(),
  planOf: functionOption<(tenantId: string) => string | undefined>().default(() => () => undefined),
  degrade: z.custom<Readonly<Record<string, DegradeOptions | undefined>>>(isObject, "expected an object").default({}),
  exposures: z
    .strictObject({
      maxPerTenant: z.int().min(1).max(100_000).default(100),
      maxTenants: z.int().min(1).max(1_000_000).default(10_000),
    })
    .prefault({}),
  refresh: z
    .strictObject({
      pollMs: z.int().min(10).max(86_400_000).default(1000),
      timeoutMs: timeoutOption(1000),
      maxBytes: bytesOption.default(1024 * 1024),
    })
    .prefault({}),
  clock: clockOption.default(systemClock),
});

export interface ParsedFlagsOptions {
  readonly flags: FlagDefinitions;
  readonly source?: FlagSource | undefined;
  readonly lastKnownGood?: LastKnownGood | undefined;
  /** Milliseconds. */
  readonly maxStaleness?: number | undefined;
  readonly planOf: (tenantId: string) => string | undefined;
  readonly degrade: Readonly<Record<string, DegradeOptions | undefined>>;
  readonly exposures: Required<ExposureOptions>;
  readonly refresh: { readonly pollMs: number; readonly timeoutMs: number; readonly maxBytes: number };
  readonly clock: Clock;
}

/** @throws {ConfigError} that names every wrong option */
export function parseFlagsOptions<D extends FlagDefinitions>(options: FlagsOptions<D>): ParsedFlagsOptions {
  const parsed = parseOptions(schema, options, "createFlags");
  for (const key of Object.keys(parsed.degrade)) {
    if (!Object.hasOwn(parsed.flags, key)) {
      throw new ConfigError(`createFlags: degrade: expected a defined flag, got ${describeValue(key)}`);
    }
  }
  return parsed;
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
