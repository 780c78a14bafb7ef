import { Heap, OUTSIDE, type Places } from "./indexed-heap.js";
import { EXPIRY_PLACES, Item, Space } from "./node.js";
import { SPACE_BYTES, tenantBytes } from "./overhead.js";
import { MAX_USES, Policy } from "./s3-fifo.js";
import type { Budget, Entry } from "./types.js";

/** A namespace that was cleared, and how far it has been taken apart. */
interface Cleared {
  readonly space: Space;
  readonly rest: Iterator<Item>;
}

export interface NewItem {
  readonly namespace: string;
  readonly key: string;
  readonly entry: Entry;
  readonly bytes: number;
}

/** All that is kept for one tenant. Its counts change at once; who calls adds them up over the tenants. */
export class Tenant {
  readonly id: string;
  budget: Required<Budget>;
  /** When the budget was asked for. */
  askedAtMs: number;
  /** The era of its last use. */
  era = 0;
  /** The era for which its claim was reckoned, see `Ranking`. */
  claimEra = 0;
  claimPlace: number = OUTSIDE;
  soonestMs: number = Infinity;
  soonestPlace: number = OUTSIDE;
  /** The books it is in. Whoever holds on to a tenant that is not in the current ones must look for another. */
  home: object | undefined = undefined;

  /** Of the tenant without namespaces. */
  readonly ownBytes: number;
  bytes: number;
  /** Of namespaces that were cleared and are still linked into queues. */
  reclaimableBytes = 0;
  entries = 0;

  #spaces = new Map<string, Space>();
  #policy = new Policy();
  /** Most calls are for the namespace of the call before. */
  #last: Space | undefined = undefined;
  #expiries: Heap<Item> | undefined = undefined;
  #cleared: Cleared[] | undefined = undefined;

  constructor(id: string, budget: Required<Budget>, askedAtMs: number) {
    this.id = id;
    this.budget = budget;
    this.askedAtMs = askedAtMs;
    this.ownBytes = tenantBytes(id);
    this.bytes = this.ownBytes;
  }

  use(namespace: string, key: string): Entry | undefined {
    const item = this.find(namespace, key);
    if (item === undefined) return undefined;
    this.#note(item);
    return item.entry;
  }

  find(namespace: string, key: string): Item | undefined {
    const last = this.#last;
    if (last !== undefined && last.name === namespace) return last.items.get(key);
    const space = this.#spaces.get(namespace);
    if (space === undefined) return undefined;
    this.#last = space;
    return space.items.get(key);
  }

  insert(item: NewItem): void {
    this.#policy.admit(this.#add(item));
  }

  /** Puts in what nobody has asked for. */
  insertCold(item: NewItem): void {
    this.#policy.admitCold(this.#add(item));
  }

  #add({ namespace, key, entry, bytes }: NewItem): Item {
    const space = this.#spaceOf(namespace);
    const made = new Item(space, key, entry, bytes);
    space.items.set(made.key, made);
    space.bytes += made.bytes;
    this.bytes += made.bytes;
    this.entries++;
    this.#watch(made);
    return made;
  }

  replace(item: Item, entry: Entry, bytes: number): void {
    this.renew(item, entry, bytes);
    this.#note(item);
  }

  /** As `replace`, and no use. */
  renew(item: Item, entry: Entry, bytes: number): void {
    const delta = bytes - item.bytes;
    this.#policy.resize(item, bytes);
    item.space.bytes += delta;
    this.bytes += delta;
    item.entry = entry;
    this.#watch(item);
  }

  remove(item: Item): void {
    const { space } = item;
    this.#unlink(item);
    space.items.delete(item.key);
    space.bytes -= item.bytes;
    this.bytes -= item.bytes;
    this.entries--;
    if (space.items.size === 0) this.#forget(space);
  }

  /** Its entries are out of reach at once. They are taken apart by `sweep`. */
  clear(namespace: string): void {
    const space = this.#spaces.get(namespace);
    if (space === undefined) return;
    this.entries -= space.items.size;
    this.reclaimableBytes += space.bytes;
    (this.#cleared ??= []).push({ space, rest: space.items.values() });
    this.#forget(space);
  }

  /** Takes one cleared entry apart. @returns false when there is none */
  sweep(): boolean {
    const cleared = this.#cleared?.at(-1);
    if (cleared === undefined) return false;
    const { space, rest } = cleared;
    const { value: item, done } = rest.next();
    if (done === true) {
      this.#cleared?.pop();
      this.reclaimableBytes -= space.bytes;
      return true;
    }
    this.#unlink(item);
    space.items.delete(item.key);
    space.bytes -= item.bytes;
    this.reclaimableBytes -= item.bytes;
    return true;
  }

  /** Lets go of everything: a partition that nobody uses may hold on to the tenant. */
  release(): void {
    this.#spaces = new Map();
    this.#policy = new Policy();
    this.#last = undefined;
    this.#expiries = undefined;
    this.#cleared = undefined;
  }

  /** What expires first. It may have been cleared. */
  get soonest(): Item | undefined {
    return this.#expiries?.first;
  }

  /** What goes before anything that somebody has asked for. It may have been cleared. */
  get coldest(): Item | undefined {
    return this.#policy.coldest;
  }

  /** Who goes when nothing is expired or cold. Nothing cleared may linger then. */
  victim(): Item | undefined {
    return this.#policy.victim();
  }

  #note(item: Item): void {
    // What is cold has no uses.
    if (item.uses >= MAX_USES) return;
    if (item.isCold) this.#policy.warm(item);
    else item.uses++;
  }

  #spaceOf(namespace: string): Space {
    let space = this.#spaces.get(namespace);
    if (space === undefined) {
      space = new Space(namespace, SPACE_BYTES + namespace.length);
      this.#spaces.set(namespace, space);
      this.bytes += space.bytes;
    }
    this.#last = space;
    return space;
  }

  #forget(space: Space): void {
    this.#spaces.delete(space.name);
    this.bytes -= space.bytes;
    if (this.#last === space) this.#last = undefined;
  }

  #unlink(item: Item): void {
    this.#policy.remove(item);
    this.#expiries?.remove(item);
  }

  #watch(item: Item): void {
    const { usableUntil } = item.entry;
    if (usableUntil < Infinity) (this.#expiries ??= new Heap(EXPIRY_PLACES)).put(item, usableUntil);
    else this.#expiries?.remove(item);
  }
}

export const CLAIM_PLACES: Places<Tenant> = {
  get: (tenant) => tenant.claimPlace,
  set: (tenant, place) => {
    tenant.claimPlace = place;
  },
};

export const SOONEST_PLACES: Places<Tenant> = {
  get: (tenant) => tenant.soonestPlace,
  set: (tenant, place) => {
    tenant.soonestPlace = place;
  },
};
