/** Where an item remembers its place. An item may be in several heaps. */
export interface Places<T> {
  /** `OUTSIDE` when it is not in the heap. */
  get(item: T): number;
  set(item: T, place: number): void;
}

export const OUTSIDE = -1;

/** A binary heap that also removes and moves items from its middle: O(log n) each. The least rank is first. */
export class Heap<T> {
  readonly #items: T[] = [];
  // Beside the items: to compare them would otherwise fetch two objects each.
  readonly #ranks: number[] = [];
  readonly #places: Places<T>;

  constructor(places: Places<T>) {
    this.#places = places;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  /** Adds the item, or moves it to where its rank now belongs. */
  put(item: T, rank: number): void {
    const place = this.#places.get(item);
    if (place === OUTSIDE) this.#rise(item, rank, this.#items.length);
    else this.#move(item, rank, place);
  }

  /** Nothing happens when it is not there. */
  remove(item: T): void {
    const place = this.#places.get(item);
    if (place === OUTSIDE) return;
    this.#places.set(item, OUTSIDE);
    const last = this.#items.pop() as T;
    const rank = this.#ranks.pop() as number;
    if (last !== item) this.#move(last, rank, place);
  }

  #move(item: T, rank: number, from: number): void {
    const place = this.#rise(item, rank, from);
    if (place === from) this.#sink(item, rank, from);
  }

  #rise(item: T, rank: number, from: number): number {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (rank >= (this.#ranks[parent] as number)) break;
      this.#copy(parent, place);
      place = parent;
    }
    this.#set(item, rank, place);
    return place;
  }

  #sink(item: T, rank: number, from: number): void {
    const { length } = this.#items;
    let place = from;
    for (let child = 2 * place + 1; child < length; child = 2 * place + 1) {
      if (child + 1 < length && (this.#ranks[child + 1] as number) < (this.#ranks[child] as number)) child++;
      if ((this.#ranks[child] as number) >= rank) break;
      this.#copy(child, place);
      place = child;
    }
    this.#set(item, rank, place);
  }

  #copy(from: number, to: number): void {
    this.#set(this.#items[from] as T, this.#ranks[from] as number, to);
  }

  #set(item: T, rank: number, place: number): void {
    this.#items[place] = item;
    this.#ranks[place] = rank;
    this.#places.set(item, place);
  }
}
