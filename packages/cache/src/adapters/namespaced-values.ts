import { ConfigError } from "@scale/core";
import type { Definition } from "../definition/definition.js";
import { adapterDefinition, MAX_TTL } from "./adapter-definition.js";

export interface NamespacedKey {
  readonly namespace: string;
  readonly key: string;
  /** Present only in `getOrSet`. */
  readonly source?: { load(): unknown; readonly ttlMs: number };
}

/**
 * Values under a namespace and a key, for adapters whose keys are given where they are used. Each value is wrapped, so that
 * `null` and `undefined` are values too: tags apply to them, and `negativeTtl` does not.
 * @returns `tagOf`: the tag of all values of a namespace
 */
export function namespacedValues(name: string): {
  readonly definition: Definition<NamespacedKey, { readonly value?: unknown }>;
  tagOf(namespace: string): string;
} {
  const tagOf = (namespace: string): string => `=${name} ${namespace}`;
  const definition = adapterDefinition<NamespacedKey, { readonly value?: unknown }>({
    name,
    key: ({ namespace, key }) => [namespace, key],
    ttl: MAX_TTL,
    tags: (_box, { namespace }) => [tagOf(namespace)],
    async load({ source }, context) {
      if (source === undefined) throw new ConfigError(`${name}: the value has no loader, it can only be set`);
      context.ttl(source.ttlMs);
      return { value: await source.load() };
    },
  });
  return { definition, tagOf };
}
