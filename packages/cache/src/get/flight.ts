import type { Spec } from "../definition/definition.js";
import type { Engine } from "../coherence/context.js";
import type { Entry } from "../memory/types.js";
import type { Space } from "../coherence/tenant-state.js";

/** Where a value came from. */
export type Source = "memory" | "store" | "load";

export interface Outcome {
  readonly value: unknown;
  readonly source: Source;
  readonly ageMs: number;
  /** True when its time had run out. */
  readonly isStale: boolean;
}

/** What is to be got. */
export interface Errand {
  readonly space: Space;
  readonly spec: Spec;
  readonly params: unknown;
  /** Within the definition. */
  readonly key: string;
  /** In the store, and among what is under way. */
  readonly placeKey: string;
  /** Gets the value together with others. */
  readonly loadTogether?: Together | undefined;
  /** Nobody asks for the value yet: memory keeps it as cold, or not at all. */
  readonly aheadOfTime?: "cold" | "skip" | undefined;
}

/** A load that is made for many errands at once. */
export interface Together {
  /** The errand needs no load, or makes its own. */
  leave(): void;
  load(params: unknown): Promise<unknown>;
}

/** A value that can still be used when there is no better one. */
export interface Old {
  readonly entry: Entry;
  readonly source: "memory" | "store";
}

/**
 * One value on its way to everybody who asks for it. It is there before the store is asked: an invalidation that comes
 * after that detaches it, so that what it brings is given to who asked before, kept nowhere, and waited for by nobody else.
 */
export class Flight {
  /** The value. Whoever asks for it handles what it rejects with. */
  readonly done: Promise<unknown>;
  /** What is known of the value, once there is one. */
  outcome: Outcome | undefined;
  readonly hasTags: boolean;
  /** Of the space, when it began. */
  readonly mark: number;
  isDetached = false;
  /** Begun ahead of time, and a reader came for it. */
  isAskedFor = false;
  isSettled = false;
  /** True from the end of the load until the store has said whether it takes the value. */
  isFilling = false;
  old: Old | undefined;
  readonly #engine: Engine;
  readonly #errand: Errand;
  readonly #epoch: number;
  // Made when somebody wants to know.
  #landed: Promise<void> | undefined;
  #land: (() => void) | undefined;
  #resolve!: (value: unknown) => void;
  #reject!: (error: unknown) => void;

  constructor(engine: Engine, errand: Errand) {
    const { space, spec } = errand;
    this.#engine = engine;
    this.#errand = errand;
    this.#epoch = engine.trust.epoch();
    this.mark = space.mark;
    this.hasTags = spec.hasTags;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    space.flights.set(errand.placeKey, this);
  }

  /** Whether this process has heard all that matters to it since it began. */
  get isCurrent(): boolean {
    return !this.isDetached && this.#epoch === this.#engine.trust.epoch();
  }

  /** From now on who asks finds the value where it is kept, or starts anew. */
  land(): void {
    const { space, placeKey } = this.#errand;
    if (space.flights.get(placeKey) === this) space.flights.delete(placeKey);
    this.#land?.();
  }

  /** Resolves when nothing of it is under way any more. Not to be asked after that. */
  landing(): Promise<void> {
    this.#landed ??= new Promise((resolve) => {
      this.#land = resolve;
    });
    return this.#landed;
  }

  settle(outcome: Outcome): void {
    this.isSettled = true;
    this.outcome = outcome;
    this.#resolve(outcome.value);
  }

  fail(reason: unknown): void {
    this.isSettled = true;
    this.#reject(reason);
  }
}
