import { Heap } from "./indexed-heap.js";
import { CLAIM_PLACES, type Tenant } from "./tenant-entries.js";

/** Tenants that one question puts into their right place. When there are more, the order is off for a while. */
const MAX_STALE = 32;
/** Longer, and tenants that have gone displace those that are there; shorter, and a pause costs a tenant its entries. */
const ERAS_PER_TURN = 8;

/**
 * Finds who has to give: the tenant with the most bytes for its weight. As long as all are in use that is weighted max-min
 * fairness: who has less than its share loses nothing while another has more, and what nobody else wants may be borrowed.
 *
 * A tenant that was asked for neither in this era nor in the one before loses its claim, a half in each. An era is as long
 * as it takes to write an eighth of the memory. Otherwise tenants that have gone would hold their shares until expiry, and
 * among many small tenants chance would decide and not use.
 */
export class Ranking {
  era = 0;
  #written = 0;
  readonly #heap = new Heap<Tenant>(CLAIM_PLACES);
  readonly #eraBytes: number;

  constructor(maxBytes: number) {
    this.#eraBytes = maxBytes / ERAS_PER_TURN;
  }

  wrote(bytes: number): void {
    this.#written += bytes;
    if (this.#written < this.#eraBytes) return;
    this.#written = 0;
    this.era++;
  }

  /** To be called when its bytes or its weight have changed. */
  place(tenant: Tenant): void {
    tenant.claimEra = this.#claimEra(tenant);
    // The most bytes for a weight come first, hence negated. Halves are units of the logarithm.
    this.#heap.put(tenant, tenant.claimEra - Math.log2(tenant.bytes / tenant.budget.weight));
  }

  remove(tenant: Tenant): void {
    this.#heap.remove(tenant);
  }

  /** Uses only note their era: the first in line is put into its place when it is asked for. */
  first(): Tenant | undefined {
    for (let steps = 0; ; steps++) {
      const tenant = this.#heap.first;
      if (tenant === undefined || tenant.claimEra === this.#claimEra(tenant) || steps === MAX_STALE) return tenant;
      this.place(tenant);
    }
  }

  #claimEra({ era }: Tenant): number {
    return Math.min(era, this.era - 1);
  }
}
