import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { type ParsedDefinition, parsedOf } from "../definition/definition.js";
import { parseResume, type ResumeAt } from "./checkpoint.js";
import type { ParamsSource, WarmEntry, WarmOptions } from "./types.js";

/** What is warmed of each tenant, ready to use. */
export interface Kind {
  readonly spec: ParsedDefinition;
  readonly paramsOf: ParamsSource<unknown>;
}

/** Of a run. */
export interface Settings {
  readonly tenants: WarmOptions["tenants"];
  readonly total: number | undefined;
  readonly kinds: readonly Kind[];
  readonly concurrency: number;
  readonly perTenantConcurrency: number;
  readonly maxLoadsPerSecond: number;
  readonly memory: "cold" | "skip";
  readonly signal: AbortSignal | undefined;
  readonly resume: ResumeAt | undefined;
}

const isIterable = (value: unknown): boolean =>
  typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);

export const isWarmEntry = (value: unknown): boolean => {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [definition, paramsOf]: unknown[] = value;
  return (
    typeof definition === "object" && definition !== null && parsedOf in definition && typeof paramsOf === "function"
  );
};

const entry = z.custom<WarmEntry<unknown>>(isWarmEntry, "expected [definition, function of the tenant's id]");

const schema = z.strictObject({
  tenants: z.custom<WarmOptions["tenants"]>(isIterable, "expected a list of tenant ids"),
  entries: z.array(entry).min(1),
  concurrency: z.int().min(1).max(1000).default(8),
  perTenantConcurrency: z.int().min(1).max(1000).default(2),
  maxLoadsPerSecond: z.number().gt(0).default(Infinity).or(z.literal(Infinity)),
  memory: z.enum(["cold", "skip"]).default("cold"),
  signal: z.custom<AbortSignal>((value) => value instanceof AbortSignal, "expected an AbortSignal").optional(),
  resume: z.string().optional(),
});

/** @throws {ConfigError} for wrong options, {InputError} for a `resume` that no run gave */
export function parseWarm(options: unknown): Settings {
  const { entries, resume, signal, ...rest } = parseOptions(schema, options, "cache.warm");
  return {
    ...rest,
    signal,
    total: sizeOf(rest.tenants),
    kinds: entries.map(([definition, paramsOf]) => ({ spec: definition[parsedOf], paramsOf })),
    resume: resume === undefined ? undefined : parseResume(resume),
  };
}

function sizeOf(tenants: WarmOptions["tenants"]): number | undefined {
  if (Array.isArray(tenants)) return tenants.length;
  return tenants instanceof Set ? tenants.size : undefined;
}
