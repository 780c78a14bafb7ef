import { OUTSIDE, type Places } from "./indexed-heap.js";
import { hashOf } from "./hash.js";
import type { Entry } from "./types.js";

/** An entry in its places: a namespace, a queue, and the heap of what expires. */
export class Item {
  readonly space: Space;
  readonly key: string;
  entry: Entry;
  /** With the overhead. */
  bytes: number;
  /** Uses that are not yet weighed, up to `MAX_USES`. */
  uses = 0;
  /** In which queue. */
  isKept = false;
  /** Offered, and not asked for since: in a queue of its own. */
  isCold = false;
  newer: Item | undefined = undefined;
  older: Item | undefined = undefined;
  /** Among those that expire. */
  place: number = OUTSIDE;

  // oxlint-disable-next-line max-params -- one is made for every entry
  constructor(space: Space, key: string, entry: Entry, bytes: number) {
    this.space = space;
    this.key = key;
    this.entry = entry;
    this.bytes = bytes;
  }
}

/** The entries of one namespace of one tenant. */
export class Space {
  readonly name: string;
  readonly items: Map<string, Item> = new Map();
  /** Tells equal keys of two namespaces apart. */
  readonly seed: number;
  /** With the overhead. */
  bytes: number;

  constructor(name: string, bytes: number) {
    this.name = name;
    this.seed = hashOf(0, name);
    this.bytes = bytes;
  }
}

export const EXPIRY_PLACES: Places<Item> = {
  get: (item) => item.place,
  set: (item, place) => {
    item.place = place;
  },
};
