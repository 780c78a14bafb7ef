import type { Definition } from "../definition/definition.js";
import type { Flight } from "../get/flight.js";
import { keyTextOf, storeText } from "../definition/key.js";
import type { Entry, Memory, Partition, TenantUsage } from "../memory/types.js";
import type { Invalidation } from "../store.js";

/** What an entry in memory carries besides its value. */
export interface Meta {
  /** Number of the last tag invalidation before its load began. */
  readonly mark: number;
  /** When the value was filled, of the monotonic clock. */
  readonly filledAt: number;
  /** How long it took to load, 0 when unknown. */
  readonly loadMs: number;
}

/** What one tenant does, since the process knows of it. */
export interface Counts {
  memoryHits: number;
  storeHits: number;
  staleHits: number;
  loads: number;
  loadErrors: number;
  invalidations: number;
}

const noCounts = (): Counts => ({
  ...{ memoryHits: 0, storeHits: 0, staleHits: 0, loads: 0, loadErrors: 0, invalidations: 0 },
});

/** More tags than this are not told apart for one tenant: all that it has in memory goes. */
const MAX_FLOORS = 1000;

/** The state of one tenant in this process. */
export class Space {
  readonly tenantId: string;
  readonly partition: Partition;
  readonly flights: Map<string, Flight> = new Map();
  readonly counts: Counts = noCounts();
  /** True once it was forgotten: its handles must find the one that took its place. */
  isRetired = false;
  /** Calls to the store that are no flights, and need this space when they end: it is not forgotten before. */
  calls = 0;
  /** Counts all invalidations. */
  fence = 0;
  #mark = 0;
  // Per tag, the mark from which on entries count.
  readonly #floors: Map<string, number> = new Map();

  constructor(tenantId: string, partition: Partition) {
    this.tenantId = tenantId;
    this.partition = partition;
  }

  get mark(): number {
    return this.#mark;
  }

  /** Whether anybody has read something. */
  get isRead(): boolean {
    return this.counts.memoryHits + this.counts.storeHits + this.counts.staleHits > 0;
  }

  /** Whether it may be forgotten without anybody noticing. */
  get isIdle(): boolean {
    return this.flights.size === 0 && this.calls === 0;
  }

  /** What is in memory and was not invalidated, however old it is. */
  find(name: string, key: string): Entry | undefined {
    const entry = this.partition.get(name, key);
    return entry?.tags === undefined ? entry : this.#valid(entry);
  }

  /** As `find`, and no use of it. */
  look(name: string, key: string): Entry | undefined {
    const entry = this.partition.look(name, key);
    return entry?.tags === undefined ? entry : this.#valid(entry);
  }

  /** Only for entries with tags, so that the others do not pay for it. */
  #valid(entry: Entry): Entry | undefined {
    const { mark } = entry.meta as Meta;
    for (const tag of entry.tags ?? []) {
      if ((this.#floors.get(tag) ?? 0) > mark) return undefined;
    }
    return entry;
  }

  /** Makes this process forget, and what it is loading come too late. */
  apply({ keys, tags, all }: Invalidation): void {
    this.fence++;
    if (all) return this.#forgetAll();
    for (const key of keys) {
      // A name has no separator.
      const at = key.indexOf(":");
      this.partition.delete(key.slice(0, at), keyTextOf(key.slice(at + 1)));
      this.#detach(key, this.flights.get(key));
    }
    if (tags.length === 0) return;
    this.#mark++;
    for (const tag of tags) this.#floors.set(tag, this.#mark);
    if (this.#floors.size > MAX_FLOORS) this.#forgetEntries();
    // Which tags a value will have is not known before it is there.
    for (const [key, flight] of this.flights) if (flight.hasTags) this.#detach(key, flight);
  }

  /** Leaves nothing behind that a later space would have to know of. */
  retire(): void {
    this.isRetired = true;
    // The marks of its entries mean nothing to a space that counts from the start.
    if (this.#mark > 0) this.#forgetEntries();
  }

  #forgetAll(): void {
    this.#forgetEntries();
    for (const [key, flight] of this.flights) this.#detach(key, flight);
  }

  #forgetEntries(): void {
    this.partition.clear();
    this.#floors.clear();
  }

  #detach(key: string, flight: Flight | undefined): void {
    if (flight === undefined) return;
    flight.isDetached = true;
    this.flights.delete(key);
  }
}

export interface Spaces {
  /** The tenant's, made when it is not there. */
  of(tenantId: string): Space;
  has(tenantId: string): boolean;
  /** Lets go of one that nobody has read from and that its memory does not depend on, unless it is at work. */
  leave(tenantId: string): void;
  /** What the tenant has in memory. */
  usage(tenantId: string): TenantUsage | undefined;
  readonly size: number;
}

/** At most `maxSpaces`, and those with work under way. */
export function createSpaces(memory: Memory, maxSpaces: number): Spaces {
  const spaces = new Map<string, Space>();

  /** @param made the last, which whoever asked for it is about to use */
  function makeRoom(made: Space): void {
    // The oldest that is idle; those that are not are few, and seen again later.
    let seen = 0;
    for (const [tenantId, space] of spaces) {
      if (spaces.size <= maxSpaces || space === made || ++seen > 100) return;
      spaces.delete(tenantId);
      if (space.isIdle) space.retire();
      else spaces.set(tenantId, space);
    }
  }

  return {
    of(tenantId) {
      const known = spaces.get(tenantId);
      if (known !== undefined) return known;
      const space = new Space(tenantId, memory.tenant(tenantId));
      spaces.set(tenantId, space);
      if (spaces.size > maxSpaces) makeRoom(space);
      return space;
    },
    has: (tenantId) => spaces.has(tenantId),
    usage: (tenantId) => memory.usage(tenantId),
    leave(tenantId) {
      const space = spaces.get(tenantId);
      if (space === undefined || !space.isIdle || space.mark > 0 || space.isRead) return;
      spaces.delete(tenantId);
      space.retire();
    },
    get size() {
      return spaces.size;
    },
  };
}

/** The key of an entry in the store, and of what is under way for it. */
export const placeKey = ({ name }: Pick<Definition<unknown, unknown>, "name">, key: string): string =>
  `${name}:${storeText(key)}`;
