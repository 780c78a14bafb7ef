/** From here on a number is carried to its high part: an addition of 1 to a double above 2^53 is lost. */
const CARRY_AT = 2 ** 52;
const FIRST_LENGTH = 4;

/** One number for each slot. Sums stay exact to the last bit of a double, however long they grow. */
export class Cells {
  #low: Float64Array;
  #high: Float64Array | undefined;

  constructor(length: number = FIRST_LENGTH) {
    this.#low = new Float64Array(length);
  }

  add(slot: number, amount: number): void {
    const low = this.#low;
    if (slot >= low.length) {
      this.#grow(slot);
      this.add(slot, amount);
      return;
    }
    const sum = (low[slot] as number) + amount;
    low[slot] = sum;
    if (sum >= CARRY_AT) this.#carry(slot);
  }

  set(slot: number, value: number): void {
    if (slot >= this.#low.length) this.#grow(slot);
    this.#low[slot] = value;
    if (this.#high !== undefined) this.#high[slot] = 0;
  }

  get(slot: number): number {
    const low = this.#low[slot] ?? 0;
    return this.#high === undefined ? low : low + (this.#high[slot] ?? 0);
  }

  /** Adds the number of one slot to another one, and leaves 0. */
  move(from: number, to: number): void {
    const { low, high } = this.parts(from);
    this.set(from, 0);
    this.addParts(to, { low, high });
  }

  /** The number as two that add up to it without rounding. */
  parts(slot: number): { readonly low: number; readonly high: number } {
    return { low: this.#low[slot] ?? 0, high: this.#high?.[slot] ?? 0 };
  }

  addParts(slot: number, { low, high }: { readonly low: number; readonly high: number }): void {
    this.add(slot, low);
    if (high === 0) return;
    this.#high ??= new Float64Array(this.#low.length);
    this.#high[slot] = (this.#high[slot] as number) + high;
  }

  get length(): number {
    return this.#low.length;
  }

  /** True when a number is in two parts: `get` may round it. */
  get isSplit(): boolean {
    return this.#high !== undefined;
  }

  #carry(slot: number): void {
    this.#high ??= new Float64Array(this.#low.length);
    const low = this.#low[slot] as number;
    // A multiple of 2^52, so that the high part loses nothing until it is 2^105.
    const carried = Math.floor(low / CARRY_AT) * CARRY_AT;
    this.#high[slot] = (this.#high[slot] as number) + carried;
    this.#low[slot] = low - carried;
  }

  #grow(slot: number): void {
    const length = Math.max(slot + 1, this.#low.length * 2);
    this.#low = resized(this.#low, length);
    if (this.#high !== undefined) this.#high = resized(this.#high, length);
  }
}

function resized(from: Float64Array, length: number): Float64Array {
  const to = new Float64Array(length);
  to.set(from);
  return to;
}
