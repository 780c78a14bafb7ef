/**
 * Hashes of what was evicted lately, 4 bytes each, in a table of at least half as many places as there are entries. A hash is overwritten by a later
 * one in its place, so the oldest are mostly gone; a collision costs one entry its right place in line and nothing else.
 */
export class Ghosts {
  #table = new Int32Array(0);

  add(hash: number, entries: number): void {
    this.#fit(entries);
    this.#table[hash & (this.#table.length - 1)] = hash;
  }

  /** True when it was there; it is not any more. */
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
