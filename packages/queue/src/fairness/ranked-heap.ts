interface Entry {
  readonly id: string;
  rank: number;
  index: number;
}

/** Ids by a number, the lowest first; of equal ones the lower id. Each change costs O(log ids). */
export class RankedHeap {
  readonly #heap: Entry[] = [];
  readonly #entries = new Map<string, Entry>();

  /** The first id with its number. */
  peek(): { readonly id: string; readonly rank: number } | undefined {
    return this.#heap[0];
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  /** Adds the id, or moves it. */
  set(id: string, rank: number): void {
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      entry = { id, rank, index: this.#heap.length };
      this.#entries.set(id, entry);
      this.#heap.push(entry);
    }
    entry.rank = rank;
    this.#up(entry);
    this.#down(entry);
  }

  delete(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    const last = this.#heap.pop();
    if (last === undefined || last === entry) return;
    this.#put(last, entry.index);
    this.#up(last);
    this.#down(last);
  }

  #up(entry: Entry): void {
    while (entry.index > 0) {
      const parent = this.#heap[(entry.index - 1) >> 1];
      if (parent === undefined || !isBefore(entry, parent)) return;
      this.#swap(entry, parent);
    }
  }

  #down(entry: Entry): void {
    for (;;) {
      const left = this.#heap[2 * entry.index + 1];
      const right = this.#heap[2 * entry.index + 2];
      if (left === undefined) return;
      const child = right !== undefined && isBefore(right, left) ? right : left;
      if (!isBefore(child, entry)) return;
      this.#swap(child, entry);
    }
  }

  #swap(a: Entry, b: Entry): void {
    const { index } = a;
    this.#put(a, b.index);
    this.#put(b, index);
  }

  #put(entry: Entry, index: number): void {
    entry.index = index;
    this.#heap[index] = entry;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.rank === b.rank ? a.id < b.id : a.rank < b.rank;
}
