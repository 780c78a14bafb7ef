import { createDeadline } from "@scale/core/kit";

export type Collector = () => void | Promise<void>;
/** Adds a function that sets gauges before each exposition. @returns a function that removes it */
export type OnCollect = (name: string, collect: Collector) => () => void;

const TIMEOUT_MS = 1000;

/** Runs collectors, all at once. One that fails, or takes longer than a second, is left out of the exposition. */
export class Collectors {
  readonly #collectors = new Map<Collector, string>();
  /** Runs that have not settled. They are joined: calls to a server that hangs would pile up. */
  readonly #running = new Map<Collector, Promise<void>>();
  readonly #withinDeadline = createDeadline(TIMEOUT_MS);
  readonly #onFail: (source: string, error: unknown) => void;

  constructor(onFail: (source: string, error: unknown) => void) {
    this.#onFail = onFail;
  }

  readonly add: OnCollect = (name, collect) => {
    // A function of its own: the same one may be added twice.
    const own: Collector = () => collect();
    this.#collectors.set(own, name);
    return () => void this.#collectors.delete(own);
  };

  async run(): Promise<void> {
    const runs = [...this.#collectors].map(async ([collect, name]) => {
      try {
        const done = this.#running.get(collect) ?? this.#start(collect);
        if (done !== undefined) await this.#withinDeadline(done, `collector ${name}`);
      } catch (error) {
        this.#onFail(name, error);
      }
    });
    await Promise.all(runs);
  }

  #start(collect: Collector): Promise<void> | undefined {
    const done = collect();
    if (done === undefined) return undefined;
    const run = (async () => done)().finally(() => this.#running.delete(collect));
    this.#running.set(collect, run);
    return run;
  }
}
