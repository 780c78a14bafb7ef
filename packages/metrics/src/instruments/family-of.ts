import { ConfigError } from "@scale/core";
import type { Family } from "./family.js";
import type { Registry } from "./registry.js";

/**
 * A metric of the catalogue, whose type its row says.
 * @throws {ConfigError} for a name that is not in the catalogue
 */
export function familyOf<Bound>(registry: Registry, name: string): Family<Bound> {
  const metric = registry.find(name);
  if (metric === undefined) throw new ConfigError(`expected a metric of the catalogue, got ${name}`);
  return metric.family as Family<Bound>;
}
