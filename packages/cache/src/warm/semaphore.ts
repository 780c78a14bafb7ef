/** A counting semaphore. Callers that wait get their permits in the order in which they came. */
export class Semaphore {
  readonly #waiting: (() => void)[] = [];
  #permits: number;

  constructor(permits: number) {
    this.#permits = permits;
  }

  async acquire(): Promise<void> {
    if (this.#permits > 0) {
      this.#permits--;
      return;
    }
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  release(): void {
    const next = this.#waiting.shift();
    // The permit goes directly to the next caller, so that a caller that comes now cannot overtake it.
    if (next === undefined) this.#permits++;
    else next();
  }
}
