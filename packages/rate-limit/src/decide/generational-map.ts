import type { Charge } from "../types.js";

/**
 * Remembers a value per tenant and charge, in two generations: when the newer one has `maxPerGeneration` entries, the older
 * one is dropped. That bounds the map without a timer and without a list in the order of use. Any entry may be gone.
 */
export class GenerationalMap<V> {
  readonly #maxPerGeneration: number;
  // By the scope of a rule. A changed plan or limit has a new scope array, which puts old values out of reach.
  #newer = new WeakMap<readonly string[], Map<string, V>>();
  #older = new WeakMap<readonly string[], Map<string, V>>();
  #count = 0;

  constructor(maxPerGeneration: number) {
    this.#maxPerGeneration = maxPerGeneration;
  }

  get(tenantId: string, charge: Charge): V | undefined {
    const newer = this.#newer.get(charge.scope);
    const older = this.#older.get(charge.scope);
    // Most rules have no entry. Then no key needs to be built.
    if (newer === undefined && older === undefined) return undefined;
    const key = keyOf(tenantId, charge);
    return newer?.get(key) ?? older?.get(key);
  }

  set(tenantId: string, charge: Charge, value: V): void {
    if (this.#count >= this.#maxPerGeneration) {
      this.#older = this.#newer;
      this.#newer = new WeakMap();
      this.#count = 0;
    }
    let values = this.#newer.get(charge.scope);
    if (values === undefined) this.#newer.set(charge.scope, (values = new Map()));
    const key = keyOf(tenantId, charge);
    if (!values.has(key)) this.#count++;
    values.set(key, value);
  }

  delete(tenantId: string, charge: Charge): void {
    const key = keyOf(tenantId, charge);
    this.#newer.get(charge.scope)?.delete(key);
    this.#older.get(charge.scope)?.delete(key);
  }
}

// One rule counts either tenants or something else, so the two forms never meet in one map.
const keyOf = (tenantId: string, { rule, subject }: Charge): string =>
  rule.by === "tenant" ? tenantId : `${tenantId.length}:${tenantId}${subject}`;
