import { type Definition, parsedOf } from "../definition/definition.js";
import type { DataLoader, TenantCache } from "../tenant-cache.js";

interface Waiting<P, V> {
  readonly params: P;
  resolve(value: V): void;
  reject(error: unknown): void;
}

export function createDataLoader<P, V>(
  cache: Pick<TenantCache, "invalidate" | "set">,
  definition: Definition<P, V>,
  getMany: (params: readonly P[]) => Promise<V>[],
): DataLoader<P, V> {
  let open: Waiting<P, V>[] = [];

  function flush(): void {
    const batch = open;
    open = [];
    const values = getMany(batch.map(({ params }) => params));
    for (const [i, { resolve, reject }] of batch.entries()) values[i]?.then(resolve, reject);
  }

  function load(params: P): Promise<V> {
    return new Promise((resolve, reject) => {
      // What has no key fails alone, and here: nobody is there to catch what is thrown when all are loaded.
      definition[parsedOf].keyOf(params);
      // After all promises that are settled by now: those are what asks for more.
      if (open.length === 0) setImmediate(flush);
      open.push({ params, resolve, reject });
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
