import { FairShare } from "./fair-share.js";
import { IndexedHeap } from "./indexed-heap.js";
import { EXPIRY_ORDER_INDEX, type TenantEntries } from "./tenant-entries.js";
import type { Budget } from "./types.js";

/** The tenants that have entries, their totals, and the order in which they expire and give. */
export class TenantRegistry {
  readonly tenants: Map<string, TenantEntries> = new Map();
  readonly fairShare: FairShare;
  bytes = 0;
  entries = 0;
  weights = 0;
  /** By the entry of the tenant that expires first. */
  readonly byExpiry: IndexedHeap<TenantEntries> = new IndexedHeap(EXPIRY_ORDER_INDEX);
  /** In the order of their last offer. Some may have no cold entry left. */
  readonly #cold = new Set<TenantEntries>();

  constructor(maxBytes: number) {
    this.fairShare = new FairShare(maxBytes);
  }

  /** The tenant with cold entries whose last offer is the oldest. */
  get coldest(): TenantEntries | undefined {
    for (const tenant of this.#cold) {
      if (tenant.eviction.coldest !== undefined) return tenant;
      this.#cold.delete(tenant);
    }
    return undefined;
  }

  noteCold(tenant: TenantEntries): void {
    this.#cold.delete(tenant);
    this.#cold.add(tenant);
  }

  add(tenant: TenantEntries): void {
    tenant.registry = this;
    tenant.epoch = this.fairShare.epoch;
    this.tenants.set(tenant.id, tenant);
    this.bytes += tenant.bytes;
    this.weights += tenant.budget.weight;
    this.fairShare.rank(tenant);
  }

  /** Applies a change of a tenant, updates the totals, and drops a tenant without entries. Every change goes through it. */
  change(tenant: TenantEntries, apply: () => void): void {
    const { bytes, entries } = tenant;
    apply();
    this.bytes += tenant.bytes - bytes;
    this.entries += tenant.entries - entries;
    if (tenant.entries === 0) return this.drop(tenant);
    if (tenant.bytes !== bytes) this.fairShare.rank(tenant);
    this.#noteExpiry(tenant);
  }

  drop(tenant: TenantEntries): void {
    this.bytes -= tenant.bytes;
    this.entries -= tenant.entries;
    this.tenants.delete(tenant.id);
    // A sum of fractions drifts. Without tenants its exact value is known.
    this.weights = this.tenants.size === 0 ? 0 : this.weights - tenant.budget.weight;
    tenant.registry = undefined;
    tenant.release();
    this.fairShare.remove(tenant);
    this.#cold.delete(tenant);
    this.byExpiry.remove(tenant);
  }

  grant(tenant: TenantEntries, budget: Required<Budget>): void {
    this.weights += budget.weight - tenant.budget.weight;
    tenant.budget = budget;
    this.fairShare.rank(tenant);
  }

  #noteExpiry(tenant: TenantEntries): void {
    const nextExpiryMs = tenant.nextToExpire?.entry.usableUntil ?? Infinity;
    if (nextExpiryMs === tenant.nextExpiryMs) return;
    tenant.nextExpiryMs = nextExpiryMs;
    if (nextExpiryMs === Infinity) this.byExpiry.remove(tenant);
    else this.byExpiry.put(tenant, nextExpiryMs);
  }
}
