import { hashOf } from "./ghost-queue.js";
import { type HeapIndex, NOT_IN_HEAP } from "./indexed-heap.js";
import type { Entry } from "./types.js";

/** An entry as a node of its namespace, of a queue, and of the heap of expiries. */
export class EntryNode {
  readonly namespace: Namespace;
  readonly key: string;
  entry: Entry;
  /** Bytes with the overhead. */
  bytes: number;
  /** Uses since the queue last looked at it, up to `MAX_FREQUENCY`. */
  frequency = 0;
  isInMain = false;
  /** True for an entry that was offered and not asked for since. It is in the queue of cold entries. */
  isCold = false;
  newer: EntryNode | undefined = undefined;
  older: EntryNode | undefined = undefined;
  /** Index in the heap of expiries. */
  heapIndex: number = NOT_IN_HEAP;

  // oxlint-disable-next-line max-params -- one is created for every entry
  constructor(namespace: Namespace, key: string, entry: Entry, bytes: number) {
    this.namespace = namespace;
    this.key = key;
    this.entry = entry;
    this.bytes = bytes;
  }
}

/** The entries of one namespace of one tenant. */
export class Namespace {
  readonly name: string;
  readonly nodes: Map<string, EntryNode> = new Map();
  /** Seed of the hashes of its keys: equal keys of two namespaces must differ. */
  readonly seed: number;
  /** Bytes with the overhead. */
  bytes: number;

  constructor(name: string, bytes: number) {
    this.name = name;
    this.seed = hashOf(0, name);
    this.bytes = bytes;
  }
}

export const EXPIRY_INDEX: HeapIndex<EntryNode> = {
  get: (node) => node.heapIndex,
  set: (node, index) => {
    node.heapIndex = index;
  },
};

/** Nodes in the order in which they were added: a doubly linked FIFO queue. */
export class NodeQueue {
  oldest: EntryNode | undefined = undefined;
  bytes = 0;
  #newest: EntryNode | undefined = undefined;

  add(node: EntryNode): void {
    node.older = this.#newest;
    node.newer = undefined;
    if (this.#newest === undefined) this.oldest = node;
    else this.#newest.newer = node;
    this.#newest = node;
    this.bytes += node.bytes;
  }

  remove(node: EntryNode): void {
    if (node.newer === undefined) this.#newest = node.older;
    else node.newer.older = node.older;
    if (node.older === undefined) this.oldest = node.newer;
    else node.older.newer = node.newer;
    node.newer = undefined;
    node.older = undefined;
    this.bytes -= node.bytes;
  }
}
