/** Counts the statements and lent clients of a pool, so that its end can wait for them. */
export class Activity {
  #count = 0;
  #onIdle: (() => void) | undefined;

  begin(): void {
    this.#count += 1;
  }

  end(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#onIdle?.();
  }

  /** @returns `undefined` when nothing is under way */
  whenIdle(): Promise<void> | undefined {
    if (this.#count === 0) return undefined;
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }
}
