import type { Books } from "./tenant-registry.js";
import type { Item } from "./node.js";
import type { Tenant } from "./tenant-entries.js";
import type { Evictions } from "./types.js";

export type Cause = keyof Evictions;

/** Cleared entries that are taken apart, and expired ones that are dropped, while there is room without that. */
const SWEPT_PER_WRITE = 16;
const EXPIRED_PER_WRITE = 4;

export interface Room {
  readonly books: Books;
  readonly maxBytes: number;
  readonly nowMs: number;
  readonly evictions: Record<Cause, number>;
}

/** A little of what has to be done at some time. There is no timer: writes pay for it. */
export function tidy(room: Room): void {
  for (let i = 0; i < SWEPT_PER_WRITE && sweep(room.books, room.books.clearing); i++);
  for (let i = 0; i < EXPIRED_PER_WRITE && expire(room, room.books.soonest); i++);
}

/** Makes room for so many bytes more of a tenant, in its own budget and in the memory. */
export function makeRoom(room: Room, tenant: Tenant, bytes: number): void {
  for (;;) {
    const lack = freeRoom(room, tenant, bytes);
    if (lack === undefined) return;
    evict(room, lack === "budget" ? tenant : room.books.ranking.first(), lack);
  }
}

/**
 * Makes as much room as there is without what somebody has asked for.
 * @returns where there is still too little
 */
export function freeRoom(room: Room, tenant: Tenant, bytes: number): "budget" | "share" | undefined {
  const { books, maxBytes } = room;
  while (tenant.home === books && tenant.bytes + tenant.reclaimableBytes + bytes > tenant.budget.maxBytes) {
    if (!sweep(books, tenant) && !expire(room, tenant) && !dropCold(room, tenant)) return "budget";
  }
  while (books.entries > 0 && books.bytes + books.reclaimableBytes + bytes > maxBytes) {
    if (!sweep(books, books.clearing) && !expire(room, books.soonest) && !dropCold(room, books.coldest)) return "share";
  }
  return undefined;
}

function sweep(books: Books, tenant: Tenant | undefined): boolean {
  if (tenant === undefined || tenant.reclaimableBytes === 0) return false;
  books.change(tenant, () => tenant.sweep());
  return true;
}

function expire(room: Room, tenant: Tenant | undefined): boolean {
  const item = tenant?.soonest;
  if (tenant === undefined || item === undefined || item.entry.usableUntil > room.nowMs) return false;
  // It may be one that was cleared, which is not to be counted twice.
  if (sweep(room.books, tenant)) return true;
  remove(room, tenant, { item, cause: "expired" });
  return true;
}

function dropCold(room: Room, tenant: Tenant | undefined): boolean {
  const item = tenant?.coldest;
  if (tenant === undefined || item === undefined) return false;
  // It may be one that was cleared.
  if (sweep(room.books, tenant)) return true;
  remove(room, tenant, { item, cause: "cold" });
  return true;
}

function evict(room: Room, tenant: Tenant | undefined, cause: Cause): void {
  const item = tenant?.victim();
  if (tenant !== undefined && item !== undefined) remove(room, tenant, { item, cause });
}

function remove({ books, evictions }: Room, tenant: Tenant, { item, cause }: { item: Item; cause: Cause }): void {
  evictions[cause]++;
  books.change(tenant, () => tenant.remove(item));
}
