/** Reads and writes the index that an item keeps for one heap. An item may be in several heaps. */
export interface HeapIndex<T> {
  /** `NOT_IN_HEAP` when it is not in the heap. */
  get(item: T): number;
  set(item: T, index: number): void;
}

export const NOT_IN_HEAP = -1;

/** A binary min-heap that also removes and moves items from its middle: O(log n) each. */
export class IndexedHeap<T> {
  readonly #items: T[] = [];
  // Kept apart from the items, so that a comparison does not have to fetch two objects.
  readonly #ranks: number[] = [];
  readonly #index: HeapIndex<T>;

  constructor(index: HeapIndex<T>) {
    this.#index = index;
  }

  /** The item with the lowest rank. */
  get first(): T | undefined {
    return this.#items[0];
  }

  /** Adds the item, or moves it to its new rank. */
  put(item: T, rank: number): void {
    const index = this.#index.get(item);
    if (index === NOT_IN_HEAP) this.#rise(item, rank, this.#items.length);
    else this.#move(item, rank, index);
  }

  /** Does nothing when the item is not in the heap. */
  remove(item: T): void {
    const index = this.#index.get(item);
    if (index === NOT_IN_HEAP) return;
    this.#index.set(item, NOT_IN_HEAP);
    const last = this.#items.pop() as T;
    const rank = this.#ranks.pop() as number;
    if (last !== item) this.#move(last, rank, index);
  }

  #move(item: T, rank: number, from: number): void {
    const index = this.#rise(item, rank, from);
    if (index === from) this.#sink(item, rank, from);
  }

  #rise(item: T, rank: number, from: number): number {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (rank >= (this.#ranks[parent] as number)) break;
      this.#copy(parent, index);
      index = parent;
    }
    this.#set(item, rank, index);
    return index;
  }

  #sink(item: T, rank: number, from: number): void {
    const { length } = this.#items;
    let index = from;
    for (let child = 2 * index + 1; child < length; child = 2 * index + 1) {
      if (child + 1 < length && (this.#ranks[child + 1] as number) < (this.#ranks[child] as number)) child++;
      if ((this.#ranks[child] as number) >= rank) break;
      this.#copy(child, index);
      index = child;
    }
    this.#set(item, rank, index);
  }

  #copy(from: number, to: number): void {
    this.#set(this.#items[from] as T, this.#ranks[from] as number, to);
  }

  #set(item: T, rank: number, index: number): void {
    this.#items[index] = item;
    this.#ranks[index] = rank;
    this.#index.set(item, index);
  }
}
