/**
 * Hashes of recently evicted entries, 4 bytes each, in a table with at least half as many slots as there are entries. A later
 * hash overwrites an earlier one in its slot, so most old hashes are gone. A collision costs one entry its right queue and
 * nothing else.
 */
export class GhostQueue {
  #table = new Int32Array(0);

  add(hash: number, entries: number): void {
    this.#fit(entries);
    this.#table[hash & (this.#table.length - 1)] = hash;
  }

  /** Removes the hash. @returns whether it was there */
  take(hash: number): boolean {
    const at = hash & (this.#table.length - 1);
    if (this.#table[at] !== hash) return false;
    this.#table[at] = 0;
    return true;
  }

  #fit(entries: number): void {
    const { length } = this.#table;
    if (length >= entries / 2 && length <= entries * 4) return;
    const old = this.#table;
    this.#table = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(entries / 2, 1))));
    for (const hash of old) if (hash !== 0) this.#table[hash & (this.#table.length - 1)] = hash;
  }
}

/**
 * Hashes a string to 32 bits, never 0. It is not collision-resistant: a client that chooses keys can make them collide.
 * Source: FNV-1a (Fowler, Noll, Vo), with a mixing step, because only low bits are used as an index.
 */
export const hashOf: (seed: number, text: string) => number = hashWith(String.prototype.charCodeAt);

/** A parameter, because `text.charCodeAt` is slow beside ioredis 6: see `digitsUntil`. */
function hashWith(charCodeAt: (this: string, index: number) => number): typeof hashOf {
  return (seed, text) => {
    let hash = seed ^ 0x811c9dc5;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ charCodeAt.call(text, i), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    return hash ^ (hash >>> 13) || 1;
  };
}
