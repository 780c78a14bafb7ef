import type { Pool } from "./pool.js";
import type { Tenant } from "./tenant.js";
import type { Entry, Partition } from "./types.js";

/** Where the current pool is: clearing everything puts another one there. */
export interface Root {
  pool: Pool;
}

/** A class, because one is made for every request. */
export class TenantPartition implements Partition {
  readonly #root: Root;
  readonly #tenantId: string;
  #tenant: Tenant | undefined = undefined;

  constructor(root: Root, tenantId: string) {
    this.#root = root;
    this.#tenantId = tenantId;
  }

  get(namespace: string, key: string): Entry | undefined {
    const { books } = this.#root.pool;
    let tenant = this.#tenant;
    if (tenant === undefined || tenant.home !== books) {
      tenant = books.tenants.get(this.#tenantId);
      this.#tenant = tenant;
      if (tenant === undefined) return undefined;
    }
    tenant.era = books.ranking.era;
    return tenant.use(namespace, key);
  }

  set(namespace: string, key: string, entry: Entry): void {
    this.#root.pool.put({ tenantId: this.#tenantId, namespace, key }, entry);
  }

  delete(namespace: string, key: string): void {
    const { books } = this.#root.pool;
    const tenant = books.tenants.get(this.#tenantId);
    const item = tenant?.find(namespace, key);
    if (tenant !== undefined && item !== undefined) books.change(tenant, () => tenant.remove(item));
  }

  clear(namespace?: string): void {
    const { books } = this.#root.pool;
    const tenant = books.tenants.get(this.#tenantId);
    if (tenant === undefined) return;
    if (namespace === undefined) books.drop(tenant);
    else books.change(tenant, () => tenant.clear(namespace));
  }
}
