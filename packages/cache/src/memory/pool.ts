import type { Clock } from "@scale/core";
import { entryNodeBytes, NAMESPACE_BYTES } from "./entry-size.js";
import { type EvictionContext, evictUntilFits, maintain, reclaimUnused } from "./eviction.js";
import type { EntryNode } from "./node.js";
import { type NewEntry, TenantEntries } from "./tenant-entries.js";
import { TenantRegistry } from "./tenant-registry.js";
import type { Budget, Entry } from "./types.js";

export interface PoolOptions {
  readonly maxBytes: number;
  readonly maxEntryBytes: number;
  readonly budgetOf: (tenantId: string) => Required<Budget>;
  readonly clock: Clock;
  /** Counters since the start. They outlive a pool. */
  readonly counts: { readonly evictions: EvictionContext["evictions"]; refused: number };
}

/** The entries of all tenants within the limits. */
export class EntryPool {
  readonly registry: TenantRegistry;
  readonly #options: PoolOptions;

  constructor(options: PoolOptions) {
    this.registry = new TenantRegistry(options.maxBytes);
    this.#options = options;
  }

  put(tenantId: string, { namespace, key, entry }: Omit<NewEntry, "bytes">): void {
    const bytes = entryNodeBytes(key, entry);
    if (!this.#mayFit(entry, bytes)) return this.#refuseAt(tenantId, namespace, key);
    const context = this.#evictionContext();
    maintain(context);
    const tenant = this.#tenant(tenantId, context.nowMs);
    const node = tenant.find(namespace, key);
    if (!this.#fits(tenant, bytes)) return this.#refuse(tenant, node);
    this.registry.fairShare.recordWrite(bytes);
    tenant.epoch = this.registry.fairShare.epoch;
    if (node === undefined) this.#insert(context, tenant, { namespace, key, entry, bytes });
    else this.#replace(context, tenant, () => tenant.replace(node, entry, bytes));
  }

  /** An offer is no sign that the tenant is active, nor of how fast memory turns over: it does not advance the epoch. */
  offer(tenantId: string, { namespace, key, entry }: Omit<NewEntry, "bytes">): void {
    const bytes = entryNodeBytes(key, entry);
    if (!this.#mayFit(entry, bytes)) return this.#refuseAt(tenantId, namespace, key);
    const context = this.#evictionContext();
    maintain(context);
    const tenant = this.#tenant(tenantId, context.nowMs);
    const node = tenant.find(namespace, key);
    if (!this.#fits(tenant, bytes)) return this.#refuse(tenant, node);
    if (node === undefined) this.#insertCold(context, tenant, { namespace, key, entry, bytes });
    // Its uses have earned the existing entry its queue. Only its value is outdated.
    else this.#replace(context, tenant, () => tenant.renew(node, entry, bytes));
  }

  #insert(context: EvictionContext, tenant: TenantEntries, entry: NewEntry): void {
    // Evicts before the insert: the new entry has no uses yet, and would be evicted itself.
    evictUntilFits(context, tenant, bytesOf(tenant, entry));
    const current = this.#registered(tenant);
    this.registry.change(current, () => current.insert(entry));
    evictUntilFits(context, current, 0);
  }

  #insertCold(context: EvictionContext, tenant: TenantEntries, entry: NewEntry): void {
    if (reclaimUnused(context, tenant, bytesOf(tenant, entry)) !== undefined) return;
    const current = this.#registered(tenant);
    this.registry.change(current, () => current.insertCold(entry));
    this.registry.noteCold(current);
    // The bytes of the tenant itself may exceed a limit after all: then the new entry is among the first to go.
    reclaimUnused(context, current, 0);
  }

  #refuse(tenant: TenantEntries, node: EntryNode | undefined): void {
    this.#options.counts.refused++;
    if (node !== undefined) this.registry.change(tenant, () => tenant.remove(node));
  }

  /** Refuses an entry that is too large for any tenant, without creating one. */
  #refuseAt(tenantId: string, namespace: string, key: string): void {
    const tenant = this.registry.tenants.get(tenantId);
    if (tenant === undefined) this.#options.counts.refused++;
    else this.#refuse(tenant, tenant.find(namespace, key));
  }

  /** The tenant, or its successor: it was dropped with its last entry, or is new. */
  #registered(tenant: TenantEntries): TenantEntries {
    if (tenant.registry !== undefined) return tenant;
    const created = new TenantEntries(tenant.id, tenant.budget, tenant.askedAtMs);
    this.registry.add(created);
    return created;
  }

  #replace(context: EvictionContext, tenant: TenantEntries, apply: () => void): void {
    this.registry.change(tenant, apply);
    evictUntilFits(context, tenant, 0);
  }

  #tenant(tenantId: string, nowMs: number): TenantEntries {
    const { registry } = this;
    const tenant = registry.tenants.get(tenantId);
    if (tenant === undefined) return new TenantEntries(tenantId, this.#options.budgetOf(tenantId), nowMs);
    if (nowMs - tenant.askedAtMs < tenant.budget.validMs) return tenant;
    tenant.askedAtMs = nowMs;
    registry.grant(tenant, this.#options.budgetOf(tenantId));
    return tenant;
  }

  #mayFit(entry: Entry, bytes: number): boolean {
    const { maxBytes, maxEntryBytes } = this.#options;
    return entry.bytes >= 0 && bytes <= maxEntryBytes && bytes + NAMESPACE_BYTES <= maxBytes;
  }

  #fits(tenant: TenantEntries, bytes: number): boolean {
    return bytes + NAMESPACE_BYTES + tenant.ownBytes <= Math.min(this.#options.maxBytes, tenant.budget.maxBytes);
  }

  #evictionContext(): EvictionContext {
    const { maxBytes, clock } = this.#options;
    return { registry: this.registry, maxBytes, nowMs: clock.monotonic(), evictions: this.#options.counts.evictions };
  }
}

function bytesOf(tenant: TenantEntries, entry: NewEntry): number {
  return entry.bytes + (tenant.registry === undefined ? tenant.bytes : 0);
}
