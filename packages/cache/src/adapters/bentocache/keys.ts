import { joinKey, tenantKeyPrefix } from "@scale/core/kit";

/** The keys of one namespace: two of different namespaces are never the same. */
export interface NamespaceKeys {
  /** Of the namespace itself and of all that it is in, the outermost first. */
  readonly generations: readonly string[];
  entry(key: string): string;
}

/**
 * All keys of one store of bentocache lie in one slot.
 * @param storePrefix the `prefix` that bentocache gives, "" for none
 * @param path of the namespace
 */
export function keysOf(prefix: string, storePrefix: string, path: readonly string[]): NamespaceKeys {
  // A lone "%" is what no prefix is written as.
  const base = storePrefix === "" ? `${prefix}:{%}:` : tenantKeyPrefix(prefix, storePrefix);
  const inner = path.map((_name, i) => `${base}g:${joinKey(path.slice(0, i + 1))}`);
  return { generations: [`${base}g`, ...inner], entry: (key) => `${base}e:${joinKey([...path, key])}` };
}
