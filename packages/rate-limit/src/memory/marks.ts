/** Marks above this number drop the oldest ones. */
const MAX_MARKS = 10_000;
/** Marks checked for expiry per addition: above 1, so that expired marks go faster than new ones come. */
const EXPIRY_CHECKS = 2;
/** Shortest time for which a mark is kept, in microseconds: a caller may try again that much later. */
const MIN_KEPT_US = 60_000_000;

/** Remembers which refunds, and which charges beyond the limits, were applied, for as long as their units count. */
export class Marks {
  // By mark: when it expires, in microseconds.
  readonly #marks = new Map<string, number>();

  /** @returns false for a mark that is there already */
  add(tenantId: string, id: string, { now, keptUs }: { now: number; keptUs: number }): boolean {
    const mark = `${tenantId.length}:${tenantId}${id}`;
    const isNew = (this.#marks.get(mark) ?? 0) <= now;
    this.#dropOldest(now);
    // At the end, which is where the youngest are.
    this.#marks.delete(mark);
    this.#marks.set(mark, now + Math.max(MIN_KEPT_US, keptUs));
    return isNew;
  }

  #dropOldest(now: number): void {
    let checks = EXPIRY_CHECKS;
    for (const [mark, until] of this.#marks) {
      if (checks-- === 0) return;
      if (until <= now || this.#marks.size >= MAX_MARKS) this.#marks.delete(mark);
    }
  }
}
