import type { EntryPool } from "./pool.js";
import type { TenantEntries } from "./tenant-entries.js";
import type { TenantRegistry } from "./tenant-registry.js";
import type { Entry, Partition } from "./types.js";

/** Refers to the current pool: clearing the whole memory replaces it. */
export class PoolRef {
  pool: EntryPool;
  /** The registry of the pool, one step nearer to each hit. */
  registry: TenantRegistry;

  constructor(pool: EntryPool) {
    this.pool = pool;
    this.registry = pool.registry;
  }

  replace(pool: EntryPool): void {
    this.pool = pool;
    this.registry = pool.registry;
  }
}

/** A class, because one is created for every tenant, and `get` is on the path of every hit. */
export class TenantPartition implements Partition {
  readonly #ref: PoolRef;
  readonly #tenantId: string;
  #tenant: TenantEntries | undefined = undefined;

  constructor(ref: PoolRef, tenantId: string) {
    this.#ref = ref;
    this.#tenantId = tenantId;
  }

  get(namespace: string, key: string): Entry | undefined {
    const { registry } = this.#ref;
    let tenant = this.#tenant;
    if (tenant === undefined || tenant.registry !== registry) {
      tenant = registry.tenants.get(this.#tenantId);
      this.#tenant = tenant;
      if (tenant === undefined) return undefined;
    }
    tenant.epoch = registry.fairShare.epoch;
    return tenant.use(namespace, key);
  }

  set(namespace: string, key: string, entry: Entry): void {
    this.#ref.pool.put(this.#tenantId, { namespace, key, entry });
  }

  offer(namespace: string, key: string, entry: Entry): void {
    this.#ref.pool.offer(this.#tenantId, { namespace, key, entry });
  }

  peek(namespace: string, key: string): Entry | undefined {
    return this.#ref.registry.tenants.get(this.#tenantId)?.find(namespace, key)?.entry;
  }

  delete(namespace: string, key: string): void {
    const { registry } = this.#ref;
    const tenant = registry.tenants.get(this.#tenantId);
    const node = tenant?.find(namespace, key);
    if (tenant !== undefined && node !== undefined) registry.change(tenant, () => tenant.remove(node));
  }

  clear(namespace?: string): void {
    const { registry } = this.#ref;
    const tenant = registry.tenants.get(this.#tenantId);
    if (tenant === undefined) return;
    if (namespace === undefined) registry.drop(tenant);
    else registry.change(tenant, () => tenant.clear(namespace));
  }
}
