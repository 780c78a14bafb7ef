import type { Clock } from "@scale/core";
import { Books } from "./tenant-registry.js";
import type { Item } from "./node.js";
import { itemBytes, SPACE_BYTES } from "./overhead.js";
import { type Cause, freeRoom, makeRoom, type Room, tidy } from "./eviction.js";
import { type NewItem, Tenant } from "./tenant-entries.js";
import type { Budget, Entry } from "./types.js";

export interface Limits {
  readonly maxBytes: number;
  readonly maxEntryBytes: number;
  readonly budgetOf: (tenantId: string) => Required<Budget>;
  readonly clock: Clock;
}

/** Counts since the start. */
export interface Counts {
  readonly evictions: Record<Cause, number>;
  refused: number;
}

export interface Address {
  readonly tenantId: string;
  readonly namespace: string;
  readonly key: string;
}

/** The entries of all tenants within the limits. */
export class Pool {
  readonly books: Books;
  readonly #limits: Limits;
  readonly #counts: Counts;

  constructor(limits: Limits, counts: Counts) {
    this.books = new Books(limits.maxBytes);
    this.#limits = limits;
    this.#counts = counts;
  }

  put({ tenantId, namespace, key }: Address, entry: Entry): void {
    const bytes = itemBytes(key, entry);
    if (!this.#mayFit(entry, bytes)) return this.#refuseAt({ tenantId, namespace, key });
    const room = this.#room();
    tidy(room);
    const tenant = this.#tenant(tenantId, room.nowMs);
    const item = tenant.find(namespace, key);
    if (!this.#fits(tenant, bytes)) return this.#refuse(tenant, item);
    this.books.ranking.wrote(bytes);
    tenant.era = this.books.ranking.era;
    if (item === undefined) this.#insert(room, tenant, { namespace, key, entry, bytes });
    else this.#replace(room, tenant, () => tenant.replace(item, entry, bytes));
  }

  /** Not a sign that the tenant is in use, nor of how fast memory turns over: no era passes. */
  offer({ tenantId, namespace, key }: Address, entry: Entry): void {
    const bytes = itemBytes(key, entry);
    if (!this.#mayFit(entry, bytes)) return this.#refuseAt({ tenantId, namespace, key });
    const room = this.#room();
    tidy(room);
    const tenant = this.#tenant(tenantId, room.nowMs);
    const item = tenant.find(namespace, key);
    if (!this.#fits(tenant, bytes)) return this.#refuse(tenant, item);
    if (item === undefined) this.#insertCold(room, tenant, { namespace, key, entry, bytes });
    // It has its place by its uses, and the value in it is outdated.
    else this.#replace(room, tenant, () => tenant.renew(item, entry, bytes));
  }

  #insert(room: Room, tenant: Tenant, item: NewItem): void {
    // Before it is there: nobody has used it yet, it would go itself.
    makeRoom(room, tenant, bytesOf(tenant, item));
    const current = this.#present(tenant);
    this.books.change(current, () => current.insert(item));
    makeRoom(room, current, 0);
  }

  #insertCold(room: Room, tenant: Tenant, item: NewItem): void {
    if (freeRoom(room, tenant, bytesOf(tenant, item)) !== undefined) return;
    const current = this.#present(tenant);
    this.books.change(current, () => current.insertCold(item));
    this.books.noteCold(current);
    // With what the tenant itself takes it may be too much after all: then it is among the first to go.
    freeRoom(room, current, 0);
  }

  #refuse(tenant: Tenant, item: Item | undefined): void {
    this.#counts.refused++;
    if (item !== undefined) this.books.change(tenant, () => tenant.remove(item));
  }

  /** Of what is too large for anybody: no tenant is made for it. */
  #refuseAt({ tenantId, namespace, key }: Address): void {
    const tenant = this.books.tenants.get(tenantId);
    if (tenant === undefined) this.#counts.refused++;
    else this.#refuse(tenant, tenant.find(namespace, key));
  }

  /** The tenant, or another in its place: it was dropped with its last entry, or is not known yet. */
  #present(tenant: Tenant): Tenant {
    if (tenant.home !== undefined) return tenant;
    const made = new Tenant(tenant.id, tenant.budget, tenant.askedAtMs);
    this.books.add(made);
    return made;
  }

  #replace(room: Room, tenant: Tenant, apply: () => void): void {
    this.books.change(tenant, apply);
    makeRoom(room, tenant, 0);
  }

  #tenant(tenantId: string, nowMs: number): Tenant {
    const { books } = this;
    const tenant = books.tenants.get(tenantId);
    if (tenant === undefined) return new Tenant(tenantId, this.#limits.budgetOf(tenantId), nowMs);
    if (nowMs - tenant.askedAtMs < tenant.budget.validMs) return tenant;
    tenant.askedAtMs = nowMs;
    books.grant(tenant, this.#limits.budgetOf(tenantId));
    return tenant;
  }

  #mayFit(entry: Entry, bytes: number): boolean {
    const { maxBytes, maxEntryBytes } = this.#limits;
    return entry.bytes >= 0 && bytes <= maxEntryBytes && bytes + SPACE_BYTES <= maxBytes;
  }

  #fits(tenant: Tenant, bytes: number): boolean {
    return bytes + SPACE_BYTES + tenant.ownBytes <= Math.min(this.#limits.maxBytes, tenant.budget.maxBytes);
  }

  #room(): Room {
    const { maxBytes, clock } = this.#limits;
    return { books: this.books, maxBytes, nowMs: clock.monotonic(), evictions: this.#counts.evictions };
  }
}

function bytesOf(tenant: Tenant, item: NewItem): number {
  return item.bytes + (tenant.home === undefined ? tenant.bytes : 0);
}
