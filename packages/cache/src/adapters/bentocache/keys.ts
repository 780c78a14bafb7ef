import { joinKey, tenantKeyPrefix } from "@scale/core/kit";
import { boundedKey } from "../../definition/bounds.js";

/**
 * The Redis keys of one namespace. Keys of two namespaces are never equal. All keys of one bentocache store lie in one slot of a
 * Cluster.
 * @param storePrefix the `prefix` of the bentocache store, "" for none
 * @param path names of the namespaces, the outermost first
 * @returns `generations`: those of the namespace and of all namespaces around it, the outermost first
 */
export function keysOf(
  prefix: string,
  storePrefix: string,
  path: readonly string[],
): { readonly generations: readonly string[]; entry(key: string): string } {
  // No escaped prefix is a lone "%", so it can stand for "no prefix".
  const base = storePrefix === "" ? `${prefix}:{%}:` : tenantKeyPrefix(prefix, storePrefix);
  const inner = path.map((_name, i) => `${base}g:${boundedKey(joinKey(path.slice(0, i + 1)))}`);
  return { generations: [`${base}g`, ...inner], entry: (key) => `${base}e:${boundedKey(joinKey([...path, key]))}` };
}
