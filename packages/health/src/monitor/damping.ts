export interface DampingOptions {
  /** Failures in a row after which the check is down. */
  readonly failAfter: number;
  /** Successes in a row after which it is up again. */
  readonly passAfter: number;
}

/** Runs that are looked at for flapping, and changes among them that make it. */
const WINDOW = 10;
const CHANGES = 3;
/** Flapping checks need so many times as many successes to be up again. */
const FLAPPING_FACTOR = 3;

/** Flap damping: one failed run does not take a process out of rotation, and one successful run does not bring it back. */
export class Damping {
  readonly #options: DampingOptions;
  readonly #recent: boolean[] = [];
  #streak = 0;
  #isDown = false;

  constructor(options: DampingOptions) {
    this.#options = options;
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  /** True when runs fail and succeed by turns. */
  get isFlapping(): boolean {
    const changes = this.#recent.filter((failed, index) => index > 0 && failed !== this.#recent[index - 1]);
    return changes.length >= CHANGES;
  }

  record(failed: boolean): void {
    const isFirst = this.#recent.length === 0;
    this.#streak = this.#recent.at(-1) === failed ? this.#streak + 1 : 1;
    this.#recent.push(failed);
    if (this.#recent.length > WINDOW) this.#recent.shift();
    const { failAfter, passAfter } = this.#options;
    // Without an earlier result there is nothing to hold on to.
    if (failed && (isFirst || this.#streak >= failAfter)) this.#isDown = true;
    const needed = this.isFlapping ? passAfter * FLAPPING_FACTOR : passAfter;
    if (!failed && this.#streak >= needed) this.#isDown = false;
  }
}
