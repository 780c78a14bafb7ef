import type { EntryNode } from "./node.js";
import type { TenantEntries } from "./tenant-entries.js";
import type { TenantRegistry } from "./tenant-registry.js";
import type { MemoryStats } from "./types.js";

/** Expired entries that one write drops, although there is room. */
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
  for (let i = 0; i < EXPIRED_PER_WRITE && expire(context, registry.byExpiry.first); i++);
}

/** Evicts until `bytes` more of the tenant fit into its own budget and into the memory. */
export function evictUntilFits(context: EvictionContext, tenant: TenantEntries, bytes: number): void {
  for (;;) {
    const cause = reclaimUnused(context, tenant, bytes);
    if (cause === undefined) return;
    const giver = cause === "budget" ? tenant : context.registry.fairShare.mostOverShare();
    remove(context, giver, { node: giver?.eviction.victim(), cause });
  }
}

/** Reclaims expired and cold entries until `bytes` fit. @returns the limit that is still exceeded */
export function reclaimUnused(
  context: EvictionContext,
  tenant: TenantEntries,
  bytes: number,
): "budget" | "share" | undefined {
  const { registry, maxBytes } = context;
  while (tenant.registry === registry && tenant.bytes + bytes > tenant.budget.maxBytes) {
    if (!expire(context, tenant) && !dropCold(context, tenant)) return "budget";
  }
  while (registry.entries > 0 && registry.bytes + bytes > maxBytes) {
    if (!expire(context, registry.byExpiry.first) && !dropCold(context, registry.coldest)) return "share";
  }
  return undefined;
}

function expire(context: EvictionContext, tenant: TenantEntries | undefined): boolean {
  const node = tenant?.nextToExpire;
  if (node === undefined || node.entry.usableUntil > context.nowMs) return false;
  return remove(context, tenant, { node, cause: "expired" });
}

function dropCold(context: EvictionContext, tenant: TenantEntries | undefined): boolean {
  return remove(context, tenant, { node: tenant?.eviction.coldest, cause: "cold" });
}

/** @returns false when there is no such entry */
function remove(
  { registry, evictions }: EvictionContext,
  tenant: TenantEntries | undefined,
  { node, cause }: { readonly node: EntryNode | undefined; readonly cause: keyof MemoryStats["evictions"] },
): boolean {
  if (tenant === undefined || node === undefined) return false;
  evictions[cause]++;
  registry.change(tenant, () => tenant.remove(node));
  return true;
}
