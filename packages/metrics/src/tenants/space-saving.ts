const FILTER = 4096;
/** Place of a counter that is not in the heap. */
const PINNED = -1;
/** Slot of an id without one. */
export const NO_SLOT: number = -1;

/** Counter of one id. */
export class IdCounter {
  id: string;
  events: number;
  /** How many of the events may belong to ids that had the counter before. */
  error: number;
  /** Events when the heap last looked: the heap is put in order when its least counter is asked for, not by each event. */
  key: number;
  place: number;
  /** Slot of the id, which `TenantSlots` sets. */
  slot: number = NO_SLOT;

  constructor(id: string, events: number, place: number) {
    this.id = id;
    this.events = events;
    this.error = 0;
    this.key = events;
    this.place = place;
  }

  /** Events that are certainly those of the id. */
  get certain(): number {
    return this.events - this.error;
  }
}

/**
 * Finds the heaviest ids of a stream with a fixed number of counters: space-saving with a filter in front, so that ids that
 * come once do not push others out. Pinned counters come on top: those of ids that have been found.
 * Source: Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k elements in data streams" (2005);
 * Homem, Carvalho, "Finding top-k elements in data streams" (2010).
 */
export class SpaceSaving {
  readonly #capacity: number;
  /** Of pinned counters and of those in the heap, so that an event is one look-up. */
  readonly #counters = new Map<string, IdCounter>();
  /** By key, the smallest first. */
  readonly #heap: IdCounter[] = [];
  /** Counts of ids without a counter, several ids to a cell. */
  readonly #filter = new Float64Array(FILTER);

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Counter of an id that has one. Add events to it as they come. */
  find(id: string): IdCounter | undefined {
    return this.#counters.get(id);
  }

  /** Counts events of an id without a counter. @returns the counter that it got for them */
  insert(id: string, events: number): IdCounter | undefined {
    const cell = hashOf(id) & (FILTER - 1);
    const seen = this.#filter[cell] as number;
    if (this.#heap.length < this.#capacity) return this.#push(id, seen, events);
    if (this.#isBelowLeast(seen + events)) {
      this.#filter[cell] = seen + events;
      return undefined;
    }
    return this.#replaceLeast(id, seen, events);
  }

  /** Gives an id a counter that is never pushed out. */
  insertPinned(id: string, events: number): IdCounter {
    const counter = new IdCounter(id, events, PINNED);
    this.#counters.set(id, counter);
    return counter;
  }

  /** Keeps a counter with its certain events from being pushed out. */
  pin(counter: IdCounter): void {
    this.#leaveHeap(counter);
    counter.events = counter.certain;
    counter.error = 0;
  }

  remove(counter: IdCounter): void {
    if (counter.place !== PINNED) this.#leaveHeap(counter);
    this.#counters.delete(counter.id);
  }

  /** Makes every count worth half, `times` times. The order of counts stays, and so does the heap. */
  halve(times: number): void {
    const divisor = 2 ** times;
    for (const counter of this.#counters.values()) {
      counter.events = Math.floor(counter.events / divisor);
      counter.error = Math.floor(counter.error / divisor);
      counter.key = Math.floor(counter.key / divisor);
    }
    for (let cell = 0; cell < FILTER; cell++) this.#filter[cell] = Math.floor((this.#filter[cell] as number) / divisor);
  }

  /** Counters that are not pinned. */
  get size(): number {
    return this.#heap.length;
  }

  #push(id: string, seen: number, events: number): IdCounter {
    const counter = new IdCounter(id, seen + events, this.#heap.length);
    counter.error = seen;
    this.#heap.push(counter);
    this.#counters.set(id, counter);
    this.#rise(counter);
    return counter;
  }

  #isBelowLeast(events: number): boolean {
    const least = this.#heap[0] as IdCounter;
    // A key is never too high: most events of ids without a counter end here.
    return events < least.key || events < this.#least().events;
  }

  /** The counter with the fewest events. Keys that events left behind are put in order on the way. */
  #least(): IdCounter {
    for (;;) {
      const first = this.#heap[0] as IdCounter;
      if (first.key === first.events) return first;
      first.key = first.events;
      this.#sink(first);
    }
  }

  #replaceLeast(id: string, seen: number, events: number): IdCounter {
    const counter = this.#least();
    this.#filter[hashOf(counter.id) & (FILTER - 1)] = counter.events;
    this.#counters.delete(counter.id);
    this.#counters.set(id, counter);
    counter.id = id;
    counter.events = seen + events;
    counter.error = seen;
    counter.key = counter.events;
    this.#sink(counter);
    return counter;
  }

  #leaveHeap(counter: IdCounter): void {
    const last = this.#heap.pop() as IdCounter;
    if (last !== counter) {
      last.place = counter.place;
      this.#heap[last.place] = last;
      this.#sink(last);
      this.#rise(last);
    }
    counter.place = PINNED;
  }

  #sink(counter: IdCounter): void {
    const heap = this.#heap;
    for (;;) {
      const left = 2 * counter.place + 1;
      if (left >= heap.length) return;
      const [a, b] = [heap[left] as IdCounter, heap[left + 1]];
      const child = b !== undefined && b.key < a.key ? b : a;
      if (child.key >= counter.key) return;
      this.#swap(child, counter);
    }
  }

  #rise(counter: IdCounter): void {
    while (counter.place > 0) {
      const parent = this.#heap[(counter.place - 1) >> 1] as IdCounter;
      if (parent.key <= counter.key) return;
      this.#swap(counter, parent);
    }
  }

  #swap(a: IdCounter, b: IdCounter): void {
    [a.place, b.place] = [b.place, a.place];
    this.#heap[a.place] = a;
    this.#heap[b.place] = b;
  }
}

/** FNV-1a over the end of an id, where ids differ most often. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5 ^ id.length;
  for (let i = Math.max(0, id.length - 24); i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
