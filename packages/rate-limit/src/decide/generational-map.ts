import type { Charge } from "../types.js";

/** What a limiter remembers for a while of rules and subjects. It may be forgotten at any time. */
export interface Recent<V> {
  get(tenantId: string, charge: Charge): V | undefined;
  set(tenantId: string, charge: Charge, value: V): void;
  delete(tenantId: string, charge: Charge): void;
}

/** By the scope of a rule: a change of plan or limit makes another scope, and what was remembered is out of reach. */
type Generation<V> = WeakMap<readonly string[], Map<string, V>>;

/**
 * Keeps two generations: when the newer one has `perGeneration` entries the older one is dropped. That bounds both
 * without a timer, and without a list in the order of use.
 */
export function createRecent<V>(perGeneration: number): Recent<V> {
  let newer: Generation<V> = new WeakMap();
  let older: Generation<V> = new WeakMap();
  let count = 0;

  return {
    get(tenantId, charge) {
      const young = newer.get(charge.scope);
      const old = older.get(charge.scope);
      // Most rules have no entry: then no key needs to be built.
      if (young === undefined && old === undefined) return undefined;
      const key = keyOf(tenantId, charge);
      return young?.get(key) ?? old?.get(key);
    },
    set(tenantId, charge, value) {
      if (count >= perGeneration) {
        older = newer;
        newer = new WeakMap();
        count = 0;
      }
      let values = newer.get(charge.scope);
      if (values === undefined) newer.set(charge.scope, (values = new Map()));
      const key = keyOf(tenantId, charge);
      if (!values.has(key)) count++;
      values.set(key, value);
    },
    delete(tenantId, charge) {
      const key = keyOf(tenantId, charge);
      newer.get(charge.scope)?.delete(key);
      older.get(charge.scope)?.delete(key);
    },
  };
}

// One rule counts either tenants or something else, so that the two forms never meet in one map.
const keyOf = (tenantId: string, { rule, subject }: Charge): string =>
  rule.by === "tenant" ? tenantId : `${tenantId.length}:${tenantId}${subject}`;
