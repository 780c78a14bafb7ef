import { IndexedHeap } from "./indexed-heap.js";
import { PRIORITY_INDEX, type TenantEntries } from "./tenant-entries.js";

/** Maximum number of tenants that one call ranks again. With more of them the order is inexact for a while. */
const MAX_STALE = 32;
/** With longer epochs, absent tenants displace present ones; with shorter ones, a pause costs a tenant its entries. */
const EPOCHS_PER_TURNOVER = 8;

/**
 * Finds the tenant that has to give: the one with the most bytes for its weight. While all tenants are active that is
 * weighted max-min fairness: a tenant below its share loses nothing while another is above, and unused memory may be
 * borrowed.
 *
 * A tenant that had no access in this epoch or the one before loses half its claim per epoch. An epoch lasts until an eighth
 * of the memory was written. Without that, absent tenants would hold their shares until expiry, and among many small tenants
 * chance would decide instead of use.
 */
export class FairShare {
  epoch = 0;
  #written = 0;
  readonly #heap = new IndexedHeap<TenantEntries>(PRIORITY_INDEX);
  readonly #epochBytes: number;

  constructor(maxBytes: number) {
    this.#epochBytes = maxBytes / EPOCHS_PER_TURNOVER;
  }

  recordWrite(bytes: number): void {
    this.#written += bytes;
    if (this.#written < this.#epochBytes) return;
    this.#written = 0;
    this.epoch++;
  }

  /** Must be called when the bytes or the weight of the tenant have changed. */
  rank(tenant: TenantEntries): void {
    tenant.priorityEpoch = this.#priorityEpoch(tenant);
    // Negated, because the most bytes per weight come first. The logarithm turns a half into one epoch.
    this.#heap.put(tenant, tenant.priorityEpoch - Math.log2(tenant.bytes / tenant.budget.weight));
  }

  remove(tenant: TenantEntries): void {
    this.#heap.remove(tenant);
  }

  /** The first tenant. An access only notes its epoch: tenants are ranked again here, when they come first. */
  mostOverShare(): TenantEntries | undefined {
    for (let steps = 0; ; steps++) {
      const tenant = this.#heap.first;
      if (tenant === undefined || steps === MAX_STALE) return tenant;
      if (tenant.priorityEpoch === this.#priorityEpoch(tenant)) return tenant;
      this.rank(tenant);
    }
  }

  #priorityEpoch({ epoch }: TenantEntries): number {
    return Math.min(epoch, this.epoch - 1);
  }
}
