import { type Definition, parsedOf } from "../definition/definition.js";
import type { DataLoader, TenantCache } from "../tenant-cache.js";

/** Creates the `DataLoader` of a tenant's cache. */
export function createDataLoader<P, V>(
  cache: Pick<TenantCache, "invalidate" | "set">,
  definition: Definition<P, V>,
  getMany: (params: readonly P[]) => Promise<V>[],
): DataLoader<P, V> {
  let pending: { readonly params: P; resolve(value: V): void; reject(error: unknown): void }[] = [];

  function flush(): void {
    const batch = pending;
    pending = [];
    const values = getMany(batch.map(({ params }) => params));
    for (const [i, { resolve, reject }] of batch.entries()) values[i]?.then(resolve, reject);
  }

  function load(params: P): Promise<V> {
    return new Promise((resolve, reject) => {
      // Throws here for params without a key, so that they fail alone. In `flush` no caller would catch the error.
      definition[parsedOf].keyOf(params);
      // Runs after the continuations of all settled promises, because they may load more.
      if (pending.length === 0) setImmediate(flush);
      pending.push({ params, resolve, reject });
    });
  }

  const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
  return {
    load,
    loadMany: (params) => Promise.all(params.map((each) => load(each).catch(asError))),
    clear: (params) => cache.invalidate(definition, params),
    prime: (params, value) => cache.set(definition, { params, value }),
  };
}
