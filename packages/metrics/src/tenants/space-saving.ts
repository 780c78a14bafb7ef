import { createKnownIds, type KnownIds } from "./known-ids.js";

const FILTER = 4096;
const FIRST_LENGTH = 64;
/** Returned for an id without a counter. */
export const NO_COUNTER = -1;

/**
 * Finds the heaviest ids of a stream with a fixed number of counters: space-saving with a filter in front, so that ids that
 * come once do not push others out. An event of an id with a counter adds to one number: the heap is put in order when its
 * least counter is asked for.
 * Source: Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k elements in data streams" (2005);
 * Homem, Carvalho, "Finding top-k elements in data streams" (2010).
 */
export class SpaceSaving {
  readonly #capacity: number;
  /** By id, the complement of the number of its counter. The owner may keep numbers >= 0 of its own in it. */
  readonly #known: KnownIds;
  readonly #ids: string[] = [];
  /** By counter. */
  #events = new Float64Array(FIRST_LENGTH);
  /** How many of the events may belong to ids that had the counter before. */
  #errors = new Float64Array(FIRST_LENGTH);
  /** Events when the heap last looked: never more than there are. */
  #keys = new Float64Array(FIRST_LENGTH);
  #places = new Int32Array(FIRST_LENGTH);
  /** Counters by key, the smallest first. */
  readonly #heap: number[] = [];
  readonly #free: number[] = [];
  /** Counts of ids without a counter, several ids to a cell. */
  readonly #filter = new Float64Array(FILTER);

  constructor(capacity: number, known: KnownIds = createKnownIds()) {
    this.#capacity = capacity;
    this.#known = known;
  }

  /** Counter of an id that has one. */
  find(id: string): number {
    const entry = this.#known[id];
    return entry === undefined || entry >= 0 ? NO_COUNTER : ~entry;
  }

  /** Adds events to a counter. @returns how many events are certainly those of its id */
  count(counter: number, events: number): number {
    const sum = (this.#events[counter] as number) + events;
    this.#events[counter] = sum;
    return sum - (this.#errors[counter] as number);
  }

  /** Counts events of an id without a counter. @returns the counter that it got for them */
  insert(id: string, events: number): number {
    const cell = hashOf(id) & (FILTER - 1);
    const seen = this.#filter[cell] as number;
    const isFull = this.#heap.length >= this.#capacity;
    if (isFull && this.#isBelowLeast(seen + events)) {
      this.#filter[cell] = seen + events;
      return NO_COUNTER;
    }
    const counter = isFull ? this.#takeLeast() : this.#take();
    this.#known[id] = ~counter;
    this.#ids[counter] = id;
    this.#events[counter] = seen + events;
    this.#errors[counter] = seen;
    this.#keys[counter] = seen + events;
    if (isFull) this.#sink(counter);
    else this.#rise(counter);
    return counter;
  }

  idOf(counter: number): string {
    return this.#ids[counter] as string;
  }

  remove(counter: number): void {
    const last = this.#heap.pop() as number;
    if (last !== counter) {
      this.#put(last, this.#places[counter] as number);
      this.#sink(last);
      this.#rise(last);
    }
    delete this.#known[this.idOf(counter)];
    this.#ids[counter] = "";
    this.#free.push(counter);
  }

  /** Makes every count worth half, `times` times. The order of counts stays, and so does the heap. */
  halve(times: number): void {
    const divisor = 2 ** times;
    for (const numbers of [this.#events, this.#errors, this.#keys, this.#filter])
      for (let i = 0; i < numbers.length; i++) numbers[i] = Math.floor((numbers[i] as number) / divisor);
  }

  /** Number of counters in use. */
  get size(): number {
    return this.#heap.length;
  }

  #isBelowLeast(events: number): boolean {
    const first = this.#heap[0] as number;
    // A key is never too high: most events of ids without a counter end here.
    return events < (this.#keys[first] as number) || events < (this.#events[this.#least()] as number);
  }

  /** The counter with the fewest events. Keys that are lower than their events are raised on the way. */
  #least(): number {
    for (;;) {
      const first = this.#heap[0] as number;
      const events = this.#events[first] as number;
      if (this.#keys[first] === events) return first;
      this.#keys[first] = events;
      this.#sink(first);
    }
  }

  /** Takes the counter with the fewest events from its id. */
  #takeLeast(): number {
    const counter = this.#least();
    const id = this.idOf(counter);
    this.#filter[hashOf(id) & (FILTER - 1)] = this.#events[counter] as number;
    delete this.#known[id];
    return counter;
  }

  /** Takes a counter that is not in use. */
  #take(): number {
    const counter = this.#free.pop() ?? this.#ids.length;
    if (counter >= this.#events.length) this.#grow();
    this.#put(counter, this.#heap.length);
    return counter;
  }

  #grow(): void {
    const length = this.#events.length * 2;
    const events = new Float64Array(length);
    const errors = new Float64Array(length);
    const keys = new Float64Array(length);
    const places = new Int32Array(length);
    events.set(this.#events);
    errors.set(this.#errors);
    keys.set(this.#keys);
    places.set(this.#places);
    [this.#events, this.#errors, this.#keys, this.#places] = [events, errors, keys, places];
  }

  #sink(counter: number): void {
    const heap = this.#heap;
    const key = this.#keys[counter] as number;
    let place = this.#places[counter] as number;
    for (;;) {
      const left = 2 * place + 1;
      if (left >= heap.length) break;
      const right = left + 1;
      const isRightLess = right < heap.length && this.#keyAt(right) < this.#keyAt(left);
      const child = isRightLess ? right : left;
      if (this.#keyAt(child) >= key) break;
      this.#put(heap[child] as number, place);
      place = child;
    }
    this.#put(counter, place);
  }

  #rise(counter: number): void {
    const key = this.#keys[counter] as number;
    let place = this.#places[counter] as number;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#keyAt(parent) <= key) break;
      this.#put(this.#heap[parent] as number, place);
      place = parent;
    }
    this.#put(counter, place);
  }

  #put(counter: number, place: number): void {
    this.#heap[place] = counter;
    this.#places[counter] = place;
  }

  #keyAt(place: number): number {
    return this.#keys[this.#heap[place] as number] as number;
  }
}

/** FNV-1a over the end of an id, where ids differ most often. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5 ^ id.length;
  for (let i = Math.max(0, id.length - 24); i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
