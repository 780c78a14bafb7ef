const FILTER = 4096;

interface Estimate {
  readonly count: number;
  /** How much of the count may belong to other ids. */
  readonly error: number;
}

/**
 * Finds the heaviest ids of a stream with a fixed number of counters: space-saving with a filter in front, so that ids that
 * come once do not push others out.
 * Source: Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k elements in data streams" (2005);
 * Homem, Carvalho, "Finding top-k elements in data streams" (2010).
 */
export class SpaceSaving {
  readonly #capacity: number;
  // A heap by count, the smallest first.
  readonly #ids: string[] = [];
  readonly #counts: number[] = [];
  /** How much of a count may belong to ids that were pushed out. */
  readonly #errors: number[] = [];
  readonly #places = new Map<string, number>();
  /** Counts of ids without a counter, several ids to a cell. */
  readonly #filter = new Float64Array(FILTER);

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Counts events. @returns how many events of the id are certain, 0 for an id without a counter */
  add(id: string, events = 1): number {
    const place = this.#places.get(id);
    if (place !== undefined) return this.#increase(place, events);
    const cell = hashOf(id) & (FILTER - 1);
    const seen = this.#filter[cell] as number;
    if (this.#ids.length < this.#capacity) this.#push(id, { count: seen + events, error: seen });
    else if (seen + events < (this.#counts[0] as number)) {
      this.#filter[cell] = seen + events;
      return 0;
    } else this.#replaceLeast(id, { count: seen + events, error: seen });
    return events;
  }

  remove(id: string): void {
    const place = this.#places.get(id);
    if (place === undefined) return;
    const last = this.#ids.length - 1;
    this.#swap(place, last);
    this.#ids.pop();
    this.#counts.pop();
    this.#errors.pop();
    this.#places.delete(id);
    if (place === last) return;
    this.#sink(place);
    this.#rise(place);
  }

  /** Makes every count worth half, `times` times. The order of counts stays, and so does the heap. */
  halve(times: number): void {
    const divisor = 2 ** times;
    for (let place = 0; place < this.#ids.length; place++) {
      this.#counts[place] = Math.floor((this.#counts[place] as number) / divisor);
      this.#errors[place] = Math.floor((this.#errors[place] as number) / divisor);
    }
    for (let cell = 0; cell < FILTER; cell++) this.#filter[cell] = Math.floor((this.#filter[cell] as number) / divisor);
  }

  get size(): number {
    return this.#ids.length;
  }

  #increase(place: number, events: number): number {
    const count = (this.#counts[place] as number) + events;
    this.#counts[place] = count;
    const certain = count - (this.#errors[place] as number);
    this.#sink(place);
    return certain;
  }

  #push(id: string, { count, error }: Estimate): void {
    const place = this.#ids.push(id) - 1;
    this.#counts.push(count);
    this.#errors.push(error);
    this.#places.set(id, place);
    this.#rise(place);
  }

  #replaceLeast(id: string, { count, error }: Estimate): void {
    const old = this.#ids[0] as string;
    this.#filter[hashOf(old) & (FILTER - 1)] = this.#counts[0] as number;
    this.#places.delete(old);
    this.#places.set(id, 0);
    this.#ids[0] = id;
    this.#counts[0] = count;
    this.#errors[0] = error;
    this.#sink(0);
  }

  #sink(from: number): void {
    let place = from;
    for (;;) {
      const left = 2 * place + 1;
      if (left >= this.#ids.length) return;
      const right = left + 1;
      const isRightLess = right < this.#ids.length && this.#count(right) < this.#count(left);
      const child = isRightLess ? right : left;
      if (this.#count(child) >= this.#count(place)) return;
      this.#swap(place, child);
      place = child;
    }
  }

  #rise(from: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#count(parent) <= this.#count(place)) return;
      this.#swap(place, parent);
      place = parent;
    }
  }

  #count(place: number): number {
    return this.#counts[place] as number;
  }

  #swap(a: number, b: number): void {
    if (a === b) return;
    const [idA, idB] = [this.#ids[a] as string, this.#ids[b] as string];
    const [countA, errorA] = [this.#count(a), this.#errors[a] as number];
    this.#ids[a] = idB;
    this.#counts[a] = this.#count(b);
    this.#errors[a] = this.#errors[b] as number;
    this.#ids[b] = idA;
    this.#counts[b] = countA;
    this.#errors[b] = errorA;
    this.#places.set(idA, b);
    this.#places.set(idB, a);
  }
}

/** FNV-1a over the end of an id, where ids differ most often. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5 ^ id.length;
  for (let i = Math.max(0, id.length - 24); i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
