import { GhostQueue, hashOf } from "./ghost-queue.js";
import { type EntryNode, NodeQueue } from "./node.js";

/** Maximum frequency. More uses are not counted: an entry that was hot long ago must not stay for ever. */
export const MAX_FREQUENCY = 3;
/** Minimum number of entries for learning from evictions. */
const MIN_ENTRIES = 16;
/** Maximum number of nodes that one eviction passes over. It would otherwise walk a tenant whose entries are all in use. */
const MAX_STEPS = 128;
const MIN_SMALL_SHARE = 0.1;
const MAX_SMALL_SHARE = 0.6;
/** Measured by `npm run bench cache`: with 1 the static traces lose, with 4 the drifting ones. */
const SHRINK_OVER_GROW = 2.5;

/**
 * Decides which entry of a tenant is evicted next: S3-FIFO. Entries enter the small queue and leave it unless they are used
 * there. A scan therefore passes through without touching the main queue, where used entries go round again.
 *
 * The size of the small queue follows the entries that come back soon after their eviction. Entries evicted from the small
 * queue come back when popularity drifts: it grows. Entries evicted from the main queue come back: it shrinks. A fixed tenth
 * loses to a plain LRU when popularity drifts.
 *
 * Source: S3-FIFO (Yang et al., SOSP 2023); the moving boundary after ARC (Megiddo and Modha, FAST 2003).
 */
export class S3Fifo {
  readonly #small = new NodeQueue();
  readonly #main = new NodeQueue();
  #cold: NodeQueue | undefined = undefined;
  #smallShare = MIN_SMALL_SHARE;
  #entries = 0;
  #ghostsOfSmall: GhostQueue | undefined = undefined;
  #ghostsOfMain: GhostQueue | undefined = undefined;

  admit(node: EntryNode): void {
    this.#entries++;
    node.isInMain = this.#returnsToMain(node);
    this.#queueOf(node).add(node);
  }

  /** Admits an entry that no reader has asked for. The queues learn nothing from it until one does. */
  admitCold(node: EntryNode): void {
    node.isCold = true;
    this.#queueOf(node).add(node);
  }

  /** Promotes a cold entry on its first use: it is then admitted like any other. */
  promote(node: EntryNode): void {
    this.#queueOf(node).remove(node);
    node.isCold = false;
    this.admit(node);
  }

  /** The cold entry that was offered first. */
  get coldest(): EntryNode | undefined {
    return this.#cold?.oldest;
  }

  remove(node: EntryNode): void {
    if (!node.isCold) this.#entries--;
    this.#queueOf(node).remove(node);
  }

  resize(node: EntryNode, bytes: number): void {
    this.#queueOf(node).bytes += bytes - node.bytes;
    node.bytes = bytes;
  }

  /** The entry to evict when none is cold. It stays in its queue: the caller removes it. */
  victim(): EntryNode | undefined {
    const node = this.#oldestUnused();
    if (node === undefined || this.#entries < MIN_ENTRIES) return node;
    const ghosts = node.isInMain
      ? (this.#ghostsOfMain ??= new GhostQueue())
      : (this.#ghostsOfSmall ??= new GhostQueue());
    ghosts.add(hashOf(node.namespace.seed, node.key), this.#entries);
    return node;
  }

  #oldestUnused(): EntryNode | undefined {
    for (let steps = 0; ; steps++) {
      const node = this.#next();
      if (node === undefined || node.frequency === 0 || steps === MAX_STEPS) return node;
      this.#queueOf(node).remove(node);
      node.frequency = node.isInMain ? node.frequency - 1 : 0;
      node.isInMain = true;
      this.#main.add(node);
    }
  }

  #next(): EntryNode | undefined {
    const small = this.#small;
    const main = this.#main;
    if (main.oldest === undefined) return small.oldest;
    const isSmallFull = small.bytes >= this.#smallShare * (small.bytes + main.bytes);
    return isSmallFull ? (small.oldest ?? main.oldest) : main.oldest;
  }

  /** True for an entry that was evicted from the small queue for lack of room, and is asked for again. */
  #returnsToMain({ namespace, key }: EntryNode): boolean {
    if (this.#ghostsOfSmall === undefined && this.#ghostsOfMain === undefined) return false;
    const hash = hashOf(namespace.seed, key);
    const step = 1 / this.#entries;
    if (this.#ghostsOfSmall?.take(hash) === true) {
      this.#smallShare = Math.min(MAX_SMALL_SHARE, this.#smallShare + step);
      return true;
    }
    if (this.#ghostsOfMain?.take(hash) === true) {
      this.#smallShare = Math.max(MIN_SMALL_SHARE, this.#smallShare - SHRINK_OVER_GROW * step);
    }
    return false;
  }

  #queueOf(node: EntryNode): NodeQueue {
    if (node.isCold) return (this.#cold ??= new NodeQueue());
    return node.isInMain ? this.#main : this.#small;
  }
}
