import type { EntryNode } from "./node.js";
import type { TenantEntries } from "./tenant-entries.js";
import type { TenantRegistry } from "./tenant-registry.js";
import type { MemoryStats } from "./types.js";

/** Cleared entries that one write purges, and expired entries that it drops, although there is room. */
const PURGED_PER_WRITE = 16;
const EXPIRED_PER_WRITE = 4;

export interface EvictionContext {
  readonly registry: TenantRegistry;
  readonly maxBytes: number;
  readonly nowMs: number;
  /** Counters by cause. */
  readonly evictions: Record<keyof MemoryStats["evictions"], number>;
}

/** Does a bounded part of the clean-up. There is no timer: writes pay for it. */
export function maintain(context: EvictionContext): void {
  const { registry } = context;
  for (let i = 0; i < PURGED_PER_WRITE && purgeCleared(registry, registry.clearing); i++);
  for (let i = 0; i < EXPIRED_PER_WRITE && expire(context, registry.nextToExpire); i++);
}

/** Evicts until `bytes` more of the tenant fit into its own budget and into the memory. */
export function evictUntilFits(context: EvictionContext, tenant: TenantEntries, bytes: number): void {
  for (;;) {
    const limit = reclaimUnused(context, tenant, bytes);
    if (limit === undefined) return;
    evict(context, limit === "budget" ? tenant : context.registry.fairShare.mostOverShare(), limit);
  }
}

/** Reclaims cleared, expired and cold entries until `bytes` fit. @returns the limit that is still exceeded */
export function reclaimUnused(
  context: EvictionContext,
  tenant: TenantEntries,
  bytes: number,
): "budget" | "share" | undefined {
  const { registry, maxBytes } = context;
  while (tenant.registry === registry && tenant.bytes + tenant.reclaimableBytes + bytes > tenant.budget.maxBytes) {
    if (!purgeCleared(registry, tenant) && !expire(context, tenant) && !dropCold(context, tenant)) return "budget";
  }
  while (registry.entries > 0 && registry.bytes + registry.reclaimableBytes + bytes > maxBytes) {
    const hasReclaimed =
      purgeCleared(registry, registry.clearing) ||
      expire(context, registry.nextToExpire) ||
      dropCold(context, registry.coldest);
    if (!hasReclaimed) return "share";
  }
  return undefined;
}

function purgeCleared(registry: TenantRegistry, tenant: TenantEntries | undefined): boolean {
  if (tenant === undefined || tenant.reclaimableBytes === 0) return false;
  registry.change(tenant, () => tenant.purgeCleared());
  return true;
}

function expire(context: EvictionContext, tenant: TenantEntries | undefined): boolean {
  const node = tenant?.nextToExpire;
  if (tenant === undefined || node === undefined || node.entry.usableUntil > context.nowMs) return false;
  // The node may have been cleared: it must not be counted twice.
  if (purgeCleared(context.registry, tenant)) return true;
  remove(context, tenant, { node, cause: "expired" });
  return true;
}

function dropCold(context: EvictionContext, tenant: TenantEntries | undefined): boolean {
  const node = tenant?.coldest;
  if (tenant === undefined || node === undefined) return false;
  // The node may have been cleared.
  if (purgeCleared(context.registry, tenant)) return true;
  remove(context, tenant, { node, cause: "cold" });
  return true;
}

function evict(context: EvictionContext, tenant: TenantEntries | undefined, cause: "budget" | "share"): void {
  const node = tenant?.victim();
  if (tenant !== undefined && node !== undefined) remove(context, tenant, { node, cause });
}

function remove(
  { registry, evictions }: EvictionContext,
  tenant: TenantEntries,
  { node, cause }: { readonly node: EntryNode; readonly cause: keyof MemoryStats["evictions"] },
): void {
  evictions[cause]++;
  registry.change(tenant, () => tenant.remove(node));
}
