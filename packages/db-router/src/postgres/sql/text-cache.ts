/** Longer statements are mostly lists of values and rarely repeat, so they are not cached. */
const MAX_LENGTH = 4_000;
const MAX_ENTRIES = 1_000;

/**
 * Cache of facts about statements, by their text. It has two generations: entries without a hit while the newer one filled
 * are dropped. A hit in the newer one moves nothing.
 */
export class TextCache<Fact> {
  #newer = new Map<string, Fact>();
  #older = new Map<string, Fact>();

  get(text: string): Fact | undefined {
    const known = this.#newer.get(text);
    if (known !== undefined) return known;
    const older = this.#older.get(text);
    if (older !== undefined) this.set(text, older);
    return older;
  }

  /** Does nothing for a long text. */
  set(text: string, fact: Fact): void {
    if (text.length > MAX_LENGTH) return;
    if (this.#newer.size >= MAX_ENTRIES / 2 && !this.#newer.has(text)) {
      this.#older = this.#newer;
      this.#newer = new Map();
    }
    this.#newer.set(text, fact);
  }

  clear(): void {
    this.#newer.clear();
    this.#older.clear();
  }
}
