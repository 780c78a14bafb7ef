import { durationOption, parseDuration } from "@scale/core/kit";
import type { z } from "zod";
import { type Definition, type DefinitionOptions, parseDefinition, parsedOf } from "../definition/definition.js";
import type { TenantCache } from "../tenant-cache.js";

/** Defines the values of an adapter, under a name that no application and no `getOrSet` can use. */
export function adapterDefinition<P, V>(options: DefinitionOptions<P, V>): Definition<P, V> {
  const name = `=${options.name}`;
  return { name, [parsedOf]: { ...parseDefinition(options, options.name), name } };
}

/** Lifetime of a value that an adapter was given no time for. */
export const MAX_TTL = "30d";

/** An adapter's option for the longest lifetime, in milliseconds. */
export const maxTtlOption: z.ZodType<number> = durationOption.default(parseDuration(MAX_TTL));

/** Recognizes the `tenant` option of an adapter. */
export function isTenantCache(value: unknown): value is TenantCache {
  return typeof value === "object" && value !== null && "getIfPresent" in value && "invalidateTags" in value;
}
