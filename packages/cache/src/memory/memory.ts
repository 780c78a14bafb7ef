import type { Clock } from "@scale/core";
import { entryNodeBytes, NAMESPACE_BYTES } from "./entry-size.js";
import { type EvictionContext, evictUntilFits, maintain, reclaimUnused } from "./eviction.js";
import { type NewEntry, TenantEntries } from "./tenant-entries.js";
import { TenantRegistry } from "./tenant-registry.js";
import type { Budget, Entry, MemoryStats, TenantUsage } from "./types.js";

export interface ParsedMemoryOptions {
  readonly maxBytes: number;
  readonly maxEntryBytes: number;
  readonly budgetOf: (tenantId: string) => Required<Budget>;
  readonly clock: Clock;
}

/** The memory of this process (L1): the entries of all tenants, at most `maxBytes`. */
export class Memory {
  /** Replaced when the whole memory is cleared. */
  registry: TenantRegistry;
  readonly #options: ParsedMemoryOptions;
  readonly #evictions = { expired: 0, cold: 0, budget: 0, share: 0 };
  #refused = 0;

  constructor(options: ParsedMemoryOptions) {
    this.#options = options;
    this.registry = new TenantRegistry(options.maxBytes);
  }

  /** Returns the partition of a tenant. Any string is a tenant, a namespace and a key. */
  tenant(tenantId: string): Partition {
    return new Partition(this, tenantId);
  }

  /** Clears the entries of all tenants in constant time. A partition drops its references when it is used next. */
  clear(): void {
    this.registry = new TenantRegistry(this.#options.maxBytes);
  }

  stats(): MemoryStats {
    const { bytes, entries, tenants } = this.registry;
    const { maxBytes } = this.#options;
    const evictions = { ...this.#evictions };
    return { maxBytes, bytes, entries, tenants: tenants.size, evictions, refused: this.#refused };
  }

  /** `undefined` while the tenant has no entries. */
  usage(tenantId: string): TenantUsage | undefined {
    const tenant = this.registry.tenants.get(tenantId);
    if (tenant === undefined) return undefined;
    const { bytes, entries, budget } = tenant;
    const shareBytes = (this.#options.maxBytes * budget.weight) / this.registry.weights;
    return { bytes, entries, weight: budget.weight, shareBytes };
  }

  /** Stores an entry, see `Partition.set` and `Partition.offer`. */
  put(tenantId: string, { namespace, key, entry, isCold }: Omit<NewEntry, "bytes">): void {
    const bytes = entryNodeBytes(key, entry);
    if (!this.#mayFit(entry, bytes)) return this.#refuse(tenantId, namespace, key);
    const { registry } = this;
    const { maxBytes, clock } = this.#options;
    const context: EvictionContext = { registry, maxBytes, nowMs: clock.monotonic(), evictions: this.#evictions };
    maintain(context);
    const tenant = this.#tenant(tenantId, context.nowMs);
    if (!this.#fits(tenant, bytes)) return this.#refuse(tenantId, namespace, key);
    // An offer is no sign that the tenant is active, nor of how fast memory turns over.
    if (!isCold) {
      registry.fairShare.recordWrite(bytes);
      tenant.epoch = registry.fairShare.epoch;
    }
    const node = tenant.find(namespace, key);
    if (node === undefined) return this.#insert(context, tenant, { namespace, key, entry, bytes, isCold });
    registry.change(tenant, () => tenant.replace(node, { entry, bytes, isCold }));
    evictUntilFits(context, tenant, 0);
  }

  #insert(context: EvictionContext, tenant: TenantEntries, entry: NewEntry): void {
    const bytes = entry.bytes + (tenant.registry === undefined ? tenant.bytes : 0);
    // Before the insert: the new entry has no uses yet, and would be evicted itself. A cold one displaces no used entry.
    if (!entry.isCold) evictUntilFits(context, tenant, bytes);
    else if (reclaimUnused(context, tenant, bytes) !== undefined) return;
    const current = this.#registered(tenant);
    this.registry.change(current, () => current.insert(entry));
    if (!entry.isCold) return evictUntilFits(context, current, 0);
    this.registry.noteCold(current);
    // The bytes of the tenant itself may exceed a limit after all: then the new entry is among the first to go.
    reclaimUnused(context, current, 0);
  }

  /** Refuses an entry that is too large, and removes an earlier one. */
  #refuse(tenantId: string, namespace: string, key: string): void {
    this.#refused++;
    this.tenant(tenantId).delete(namespace, key);
  }

  /** The tenant, or its successor: it was dropped with its last entry, or is new. */
  #registered(tenant: TenantEntries): TenantEntries {
    if (tenant.registry !== undefined) return tenant;
    const created = new TenantEntries(tenant.id, tenant.budget, tenant.askedAtMs);
    this.registry.add(created);
    return created;
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
}

/**
 * The entries of one tenant. A handle that may be kept: it costs nothing while the tenant has no entries. A class, because
 * one is created for every tenant, and `get` is on the path of every hit.
 */
export class Partition {
  readonly #memory: Memory;
  readonly #tenantId: string;
  #tenant: TenantEntries | undefined = undefined;

  constructor(memory: Memory, tenantId: string) {
    this.#memory = memory;
    this.#tenantId = tenantId;
  }

  /** Returns an entry, also an expired one: the reader decides whether to use it. Counts as a use. */
  get(namespace: string, key: string): Entry | undefined {
    const { registry } = this.#memory;
    let tenant = this.#tenant;
    if (tenant === undefined || tenant.registry !== registry) {
      tenant = registry.tenants.get(this.#tenantId);
      this.#tenant = tenant;
      if (tenant === undefined) return undefined;
    }
    tenant.epoch = registry.fairShare.epoch;
    return tenant.use(namespace, key);
  }

  /** As `get`, without counting as a use. */
  peek(namespace: string, key: string): Entry | undefined {
    return this.#memory.registry.tenants.get(this.#tenantId)?.find(namespace, key)?.entry;
  }

  /**
   * Stores an entry, in place of an earlier one. It may be evicted at any time. An entry that is too large is not stored,
   * and the earlier one is removed.
   */
  set(namespace: string, key: string, entry: Entry): void {
    this.#memory.put(this.#tenantId, { namespace, key, entry, isCold: false });
  }

  /**
   * Stores an entry that no reader has asked for, if there is room: a cold entry. It displaces only expired entries and
   * earlier cold ones, of any tenant, and every other write displaces it. The first `get` makes it an entry like any other.
   * In place of an earlier entry it keeps that entry's rank.
   */
  offer(namespace: string, key: string, entry: Entry): void {
    this.#memory.put(this.#tenantId, { namespace, key, entry, isCold: true });
  }

  delete(namespace: string, key: string): void {
    const { registry } = this.#memory;
    const tenant = registry.tenants.get(this.#tenantId);
    const node = tenant?.find(namespace, key);
    if (tenant !== undefined && node !== undefined) registry.change(tenant, () => tenant.remove(node));
  }

  /** Clears the entries of the tenant in constant time. */
  clear(): void {
    const { registry } = this.#memory;
    const tenant = registry.tenants.get(this.#tenantId);
    if (tenant !== undefined) registry.drop(tenant);
  }
}
