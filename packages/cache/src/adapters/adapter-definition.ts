import { parseDuration } from "@scale/core/kit";
import type { z } from "zod";
import { type Definition, type DefinitionOptions, parseDefinition, parsedOf } from "../definition/definition.js";
import { durationOption } from "@scale/core/kit";
import type { TenantCache } from "../tenant-cache.js";

/** A definition of a door of this package, under a name that no application and no `getOrSet` can give. */
export function doorDefinition<P, V>(options: DefinitionOptions<P, V>): Definition<P, V> {
  const name = `=${options.name}`;
  return { name, [parsedOf]: { ...parseDefinition(options, options.name), name } };
}

/** The longest time that a value is kept for which a door was told none. */
export const MAX_TTL = "30d";

/** An option of a door, in milliseconds. */
export const maxTtlOption: z.ZodType<number> = durationOption.default(parseDuration(MAX_TTL));

/** The cache of a tenant as an option of a door. */
export function isTenantCache(value: unknown): value is TenantCache {
  return typeof value === "object" && value !== null && "getIfPresent" in value && "invalidateTags" in value;
}
