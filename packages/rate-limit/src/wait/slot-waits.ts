import { joinKey } from "@scale/core/kit";
import { ChargedDecision } from "../decide/decision.js";
import type { Decision, HeldSlot } from "../types.js";

/** The queues of a limiter that wait for slots. A slot that this process releases wakes one of them. */
export class SlotWaits {
  /** By the count of a rule and subject, the queue first that was asked about longest ago. */
  readonly waiting: Map<string, Set<SlotWait>> = new Map();
  /** Queues whose request the limiter decides about: its answer may be older than a release. */
  readonly deciding: Set<SlotWait> = new Set();

  onRelease(held: HeldSlot): void {
    if (this.waiting.size === 0 && this.deciding.size === 0) return;
    for (const key of keysOf(held)) {
      for (const wait of this.deciding) wait.noteRelease(key);
      this.wakeOne(key);
    }
  }

  wakeOne(key: string): void {
    for (const wait of [...(this.waiting.get(key) ?? [])]) if (wait.wake(key)) return;
  }
}

/** The wait of one queue for slots. */
export class SlotWait {
  readonly #all: SlotWaits;
  readonly #askAboutFirst: () => boolean;
  /** Counts that had no free slot. */
  #keys: readonly string[] = [];
  /** Counts of which a slot was released since the limiter was asked. */
  readonly #released = new Set<string>();
  /** The count whose released slot woke the queue, until the limiter has answered. */
  #wokenBy: string | undefined;

  /** @param askAboutFirst asks the limiter about the first request; returns false when other rules refuse it for now */
  constructor(all: SlotWaits, askAboutFirst: () => boolean) {
    this.#all = all;
    this.#askAboutFirst = askAboutFirst;
  }

  noteRelease(key: string): void {
    this.#released.add(key);
  }

  wake(key: string): boolean {
    if (!this.#askAboutFirst()) return false;
    this.#wokenBy = key;
    return true;
  }

  /** The limiter is asked about a request of the queue. */
  asks(): void {
    this.#all.deciding.add(this);
  }

  /** The limiter has admitted a request, with a slot. */
  admitted(): void {
    this.#wokenBy = undefined;
  }

  /**
   * The limiter has denied a request. All requests of the queue need slots of the same counts.
   * @returns true when a slot was released meanwhile: the limiter should be asked again
   */
  denied(decision: Decision): boolean {
    this.#waitFor(ChargedDecision.is(decision) ? keysOf(decision.refusedSlots) : []);
    this.#passOn();
    return this.#keys.some((key) => this.#released.has(key));
  }

  /** The limiter has answered all that it was asked. */
  answered(): void {
    this.#all.deciding.delete(this);
    this.#released.clear();
  }

  /** No request waits for a slot any more. */
  end(): void {
    this.#waitFor([]);
    this.#passOn();
  }

  /** Wakes another queue by a slot that this one did not take. */
  #passOn(): void {
    const key = this.#wokenBy;
    this.#wokenBy = undefined;
    if (key !== undefined && !this.#keys.includes(key)) this.#all.wakeOne(key);
  }

  /** Goes to the end of the queues that wait for these counts. */
  #waitFor(keys: readonly string[]): void {
    const { waiting } = this.#all;
    for (const key of this.#keys) {
      const waits = waiting.get(key);
      waits?.delete(this);
      if (waits?.size === 0) waiting.delete(key);
    }
    this.#keys = keys;
    for (const key of keys) {
      const waits = waiting.get(key) ?? new Set();
      waiting.set(key, waits.add(this));
    }
  }
}

const keysOf = ({ tenantId, charges }: HeldSlot): string[] =>
  charges.map(({ scope, subject }) => joinKey([tenantId, ...scope, subject]));
