import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { parsedOf } from "../definition/definition.js";
import { type Checkpoint, parseCheckpoint } from "./checkpoint.js";
import type { WarmEntry, WarmOptions } from "./types.js";

/** The options with their defaults. */
export interface ParsedWarmOptions extends Required<Omit<WarmOptions, "signal" | "resume">> {
  readonly total: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly resume: Checkpoint | undefined;
}

const isIterable = (value: unknown): boolean =>
  typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);

function isWarmEntry(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [definition, paramsOf]: unknown[] = value;
  return (
    typeof definition === "object" && definition !== null && parsedOf in definition && typeof paramsOf === "function"
  );
}

export const warmEntryOption: z.ZodType<WarmEntry<unknown>> = z.custom<WarmEntry<unknown>>(
  isWarmEntry,
  "expected [definition, function of the tenant's id]",
);

const schema = z.strictObject({
  tenants: z.custom<WarmOptions["tenants"]>(isIterable, "expected an iterable of tenant ids"),
  entries: z.array(warmEntryOption).min(1),
  concurrency: z.int().min(1).max(1000).default(8),
  perTenantConcurrency: z.int().min(1).max(1000).default(2),
  maxLoadsPerSecond: z.number().gt(0).default(Infinity).or(z.literal(Infinity)),
  memory: z.enum(["cold", "skip"]).default("cold"),
  signal: z.custom<AbortSignal>((value) => value instanceof AbortSignal, "expected an AbortSignal").optional(),
  resume: z.string().optional(),
});

/** @throws {ConfigError} for invalid options, {InputError} for a `resume` that no run has returned */
export function parseWarmOptions(options: unknown): ParsedWarmOptions {
  const { resume, signal, ...rest } = parseOptions(schema, options, "cache.warm");
  return {
    ...rest,
    signal,
    total: sizeOf(rest.tenants),
    resume: resume === undefined ? undefined : parseCheckpoint(resume),
  };
}

function sizeOf(tenants: WarmOptions["tenants"]): number | undefined {
  if (Array.isArray(tenants)) return tenants.length;
  return tenants instanceof Set ? tenants.size : undefined;
}
