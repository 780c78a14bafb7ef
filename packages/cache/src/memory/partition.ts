import type { Books } from "./tenant-registry.js";
import type { Pool } from "./pool.js";
import type { Tenant } from "./tenant-entries.js";
import type { Entry, Partition } from "./types.js";

/** Where the current pool is: clearing everything puts another one there. */
export class Root {
  pool: Pool;
  /** Those of the pool, one step nearer to each hit. */
  books: Books;

  constructor(pool: Pool) {
    this.pool = pool;
    this.books = pool.books;
  }

  replace(pool: Pool): void {
    this.pool = pool;
    this.books = pool.books;
  }
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
    const { books } = this.#root;
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

  offer(namespace: string, key: string, entry: Entry): void {
    this.#root.pool.offer({ tenantId: this.#tenantId, namespace, key }, entry);
  }

  look(namespace: string, key: string): Entry | undefined {
    return this.#root.books.tenants.get(this.#tenantId)?.find(namespace, key)?.entry;
  }

  delete(namespace: string, key: string): void {
    const { books } = this.#root;
    const tenant = books.tenants.get(this.#tenantId);
    const item = tenant?.find(namespace, key);
    if (tenant !== undefined && item !== undefined) books.change(tenant, () => tenant.remove(item));
  }

  clear(namespace?: string): void {
    const { books } = this.#root;
    const tenant = books.tenants.get(this.#tenantId);
    if (tenant === undefined) return;
    if (namespace === undefined) books.drop(tenant);
    else books.change(tenant, () => tenant.clear(namespace));
  }
}
