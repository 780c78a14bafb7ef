import { Ghosts } from "./ghost-queue.js";
import { hashOf } from "./hash.js";
import type { Item } from "./node.js";
import { Queue } from "./queue.js";

/** What remains of more uses is forgotten: what was used often long ago must not stay for ever. */
export const MAX_USES = 3;
/** Below it there is nothing to learn from what was evicted. */
const MIN_ENTRIES = 16;
/** Items that one eviction passes over. A partition where all is in use would otherwise be walked in one go. */
const MAX_STEPS = 128;
const MIN_RECENT_SHARE = 0.1;
const MAX_RECENT_SHARE = 0.6;
/** Found by `npm run bench cache`: with 1 the static traces lose, with 4 the drifting ones. */
const SHRINK_OVER_GROW = 2.5;

/**
 * Which entry of a tenant goes next. Entries come into a short queue and leave it unless they are used there: a scan
 * passes through without touching the long queue, where what is used goes round again.
 *
 * How short the short one is follows what comes back soon after its eviction. When those are entries that left the short
 * queue, what is popular changes, and it grows; when they left the long one, it shrinks. A fixed tenth loses to a plain
 * LRU when popularity drifts.
 *
 * Source: S3-FIFO (Yang et al., SOSP 2023); the moving boundary after ARC (Megiddo and Modha, FAST 2003).
 */
export class Policy {
  readonly #recent = new Queue();
  readonly #kept = new Queue();
  #cold: Queue | undefined = undefined;
  #recentShare = MIN_RECENT_SHARE;
  #entries = 0;
  #leftRecent: Ghosts | undefined = undefined;
  #leftKept: Ghosts | undefined = undefined;

  admit(item: Item): void {
    this.#entries++;
    item.isKept = this.#comesBack(item);
    this.#queueOf(item).add(item);
  }

  /** For what nobody has asked for: nothing is learned from it until somebody does. */
  admitCold(item: Item): void {
    item.isCold = true;
    this.#queueOf(item).add(item);
  }

  /** Somebody has asked for it: from now on it is as if it had come in that way. */
  warm(item: Item): void {
    this.#queueOf(item).remove(item);
    item.isCold = false;
    this.admit(item);
  }

  /** What was offered first of all that nobody has asked for. */
  get coldest(): Item | undefined {
    return this.#cold?.oldest;
  }

  remove(item: Item): void {
    if (!item.isCold) this.#entries--;
    this.#queueOf(item).remove(item);
  }

  resize(item: Item, bytes: number): void {
    this.#queueOf(item).bytes += bytes - item.bytes;
    item.bytes = bytes;
  }

  /** The item to evict when none is cold. It stays in its queue: the caller removes it. */
  victim(): Item | undefined {
    const item = this.#oldestUnused();
    if (item === undefined || this.#entries < MIN_ENTRIES) return item;
    const ghosts = item.isKept ? (this.#leftKept ??= new Ghosts()) : (this.#leftRecent ??= new Ghosts());
    ghosts.add(hashOf(item.space.seed, item.key), this.#entries);
    return item;
  }

  #oldestUnused(): Item | undefined {
    for (let steps = 0; ; steps++) {
      const item = this.#next();
      if (item === undefined || item.uses === 0 || steps === MAX_STEPS) return item;
      this.#queueOf(item).remove(item);
      item.uses = item.isKept ? item.uses - 1 : 0;
      item.isKept = true;
      this.#kept.add(item);
    }
  }

  #next(): Item | undefined {
    const recent = this.#recent;
    const kept = this.#kept;
    if (kept.oldest === undefined) return recent.oldest;
    const isLong = recent.bytes >= this.#recentShare * (recent.bytes + kept.bytes);
    return isLong ? (recent.oldest ?? kept.oldest) : kept.oldest;
  }

  /** True for what was evicted for lack of room in the short queue, and is asked for again. */
  #comesBack({ space, key }: Item): boolean {
    if (this.#leftRecent === undefined && this.#leftKept === undefined) return false;
    const hash = hashOf(space.seed, key);
    const step = 1 / this.#entries;
    if (this.#leftRecent?.take(hash) === true) {
      this.#recentShare = Math.min(MAX_RECENT_SHARE, this.#recentShare + step);
      return true;
    }
    if (this.#leftKept?.take(hash) === true) {
      this.#recentShare = Math.max(MIN_RECENT_SHARE, this.#recentShare - SHRINK_OVER_GROW * step);
    }
    return false;
  }

  #queueOf(item: Item): Queue {
    if (item.isCold) return (this.#cold ??= new Queue());
    return item.isKept ? this.#kept : this.#recent;
  }
}
