import { Heap } from "./indexed-heap.js";
import { Ranking } from "./fair-share.js";
import { SOONEST_PLACES, type Tenant } from "./tenant-entries.js";
import type { Budget } from "./types.js";

/** The tenants that have entries, what they have in all, and who is first in each respect. */
export class Books {
  readonly tenants: Map<string, Tenant> = new Map();
  readonly ranking: Ranking;
  bytes = 0;
  reclaimableBytes = 0;
  entries = 0;
  weights = 0;
  readonly #bySoonest = new Heap<Tenant>(SOONEST_PLACES);
  readonly #clearing = new Set<Tenant>();
  /** Who was offered something last is last. Some may have nothing cold left. */
  readonly #cold = new Set<Tenant>();

  constructor(maxBytes: number) {
    this.ranking = new Ranking(maxBytes);
  }

  /** With the entry that expires first. */
  get soonest(): Tenant | undefined {
    return this.#bySoonest.first;
  }

  /** One of those that were cleared in part. */
  get clearing(): Tenant | undefined {
    for (const tenant of this.#clearing) return tenant;
    return undefined;
  }

  /** The one of those with cold entries that was offered something longest ago. */
  get coldest(): Tenant | undefined {
    for (const tenant of this.#cold) {
      if (tenant.coldest !== undefined) return tenant;
      this.#cold.delete(tenant);
    }
    return undefined;
  }

  noteCold(tenant: Tenant): void {
    this.#cold.delete(tenant);
    this.#cold.add(tenant);
  }

  add(tenant: Tenant): void {
    tenant.home = this;
    tenant.era = this.ranking.era;
    this.tenants.set(tenant.id, tenant);
    this.bytes += tenant.bytes;
    this.weights += tenant.budget.weight;
    this.ranking.place(tenant);
  }

  /** Every change of a tenant goes through here: books what it changed, and drops a tenant that has nothing left. */
  change(tenant: Tenant, apply: () => void): void {
    const { bytes, reclaimableBytes, entries } = tenant;
    apply();
    this.bytes += tenant.bytes - bytes;
    this.reclaimableBytes += tenant.reclaimableBytes - reclaimableBytes;
    this.entries += tenant.entries - entries;
    if (tenant.entries === 0) return this.drop(tenant);
    if (tenant.bytes !== bytes) this.ranking.place(tenant);
    if (tenant.reclaimableBytes === 0) this.#clearing.delete(tenant);
    else this.#clearing.add(tenant);
    this.#noteSoonest(tenant);
  }

  drop(tenant: Tenant): void {
    this.bytes -= tenant.bytes;
    this.reclaimableBytes -= tenant.reclaimableBytes;
    this.entries -= tenant.entries;
    this.tenants.delete(tenant.id);
    // A sum of fractions drifts; of none it is known.
    this.weights = this.tenants.size === 0 ? 0 : this.weights - tenant.budget.weight;
    tenant.home = undefined;
    tenant.release();
    this.ranking.remove(tenant);
    this.#clearing.delete(tenant);
    this.#cold.delete(tenant);
    this.#bySoonest.remove(tenant);
  }

  grant(tenant: Tenant, budget: Required<Budget>): void {
    this.weights += budget.weight - tenant.budget.weight;
    tenant.budget = budget;
    this.ranking.place(tenant);
  }

  #noteSoonest(tenant: Tenant): void {
    const soonestMs = tenant.soonest?.entry.usableUntil ?? Infinity;
    if (soonestMs === tenant.soonestMs) return;
    tenant.soonestMs = soonestMs;
    if (soonestMs === Infinity) this.#bySoonest.remove(tenant);
    else this.#bySoonest.put(tenant, soonestMs);
  }
}
