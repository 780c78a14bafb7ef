import { type Algorithm, capacity, type MutableState, windowUs } from "../algorithms/algorithm.js";
import { blockAt, blockedUs, countDenial } from "../algorithms/block.js";
import { expireSlots, type Slots, slotsResetUs, slotsWaitUs, takeSlot } from "../algorithms/slots.js";
import type { Charge, RuleStatus } from "../types.js";
import type { CounterEntry, CounterKey } from "./counter-map.js";

/** The count of one charge of a request. Implemented by classes, because one is made for every rule of every request. */
export interface RuleCounter {
  readonly charge: Charge;
  /** True when the rule admits the cost of the request. */
  readonly fits: boolean;
  /** Counts a denial by this rule. Only a rule that blocks has the method. */
  deny?(): void;
  /** Charges units, or takes the slot, and stores the result. */
  consume(units: number, slot: string | undefined): void;
  /** Whole units, or slots, that fit now. */
  remaining(): number;
  status(): RuleStatus;
}

/** Counts units in windows or in a bucket. */
export class UnitCounter implements RuleCounter {
  readonly charge: Charge;
  readonly fits: boolean;
  readonly #key: CounterKey;
  readonly #algorithm: Algorithm;
  readonly #wanted: number;
  readonly #state: MutableState;
  /** The state of a rule that blocks, and whether its count alone admits the cost. */
  readonly #block: { readonly state: MutableState; readonly hasRoom: boolean } | undefined;
  #entry: CounterEntry | undefined;

  // oxlint-disable-next-line max-params -- one is made for every rule of every request: an object for them costs as much
  constructor(key: CounterKey, charge: Charge, algorithm: Algorithm, cost: number) {
    this.charge = charge;
    this.#key = key;
    this.#algorithm = algorithm;
    this.#wanted = cost > 0 ? cost : 1;
    this.#entry = key.counters.get(key.tenantId, key.subject);
    this.#state = algorithm.at(this.#entry?.state, key.now);
    const hasRoom = algorithm.used(this.#state, key.now) + this.#wanted <= capacity(charge.rule.burst);
    if (charge.rule.block === undefined) {
      this.fits = hasRoom;
      return;
    }
    const state = blockAt(this.#entry?.block, key.now, windowUs(charge.rule));
    this.#block = { state, hasRoom };
    this.fits = hasRoom && blockedUs(state, key.now) === 0;
  }

  deny(): void {
    const { block, burst } = this.charge.rule;
    const { now } = this.#key;
    if (block === undefined || this.#block === undefined || this.#wanted > burst) return;
    if (blockedUs(this.#block.state, now) > 0) return;
    countDenial(this.#block.state, now, block);
    // A denial does not write the count itself.
    const entry = this.#entry !== undefined && this.#entry.index >= 0 ? this.#entry : this.#store();
    entry.block = this.#block.state;
  }

  consume(units: number): void {
    this.#algorithm.add(this.#state, units);
    this.#store();
  }

  /** Charges units whether or not they fit. */
  force(units: number): void {
    if (this.#algorithm.force === undefined) this.#algorithm.add(this.#state, units);
    else this.#algorithm.force(this.#state, units);
    this.#store();
  }

  /** @param charged when the units were charged, and when the count would have been empty again: microseconds */
  refund(units: number, { at, emptyAt }: { at: number; emptyAt: number }): void {
    if (this.#entry === undefined) return;
    this.#algorithm.refund(this.#state, this.#key.now, { units, at, emptyAt });
    this.#store();
  }

  remaining(): number {
    const free = capacity(this.charge.rule.burst) - this.#algorithm.used(this.#state, this.#key.now);
    return free > 0 ? Math.floor(free) : 0;
  }

  status(): RuleStatus {
    const { now } = this.#key;
    const resetUs = this.#algorithm.resetUs(this.#state, now);
    if (this.#block === undefined) {
      const retryAfterMs = this.fits ? 0 : this.#retryAfterMs();
      return { remaining: this.remaining(), resetMs: Math.ceil(resetUs / 1000), retryAfterMs };
    }
    const leftUs = blockedUs(this.#block.state, now);
    return {
      remaining: leftUs > 0 ? 0 : this.remaining(),
      resetMs: Math.ceil(Math.max(resetUs, leftUs) / 1000),
      retryAfterMs: Math.max(this.#block.hasRoom ? 0 : this.#retryAfterMs(), Math.ceil(leftUs / 1000)),
      blocked: leftUs > 0,
    };
  }

  #store(): CounterEntry {
    const { counters, tenantId, subject, now } = this.#key;
    const { rule } = this.charge;
    this.#entry ??= { counters, tenantId, subject, rule, state: this.#state, slots: undefined, index: -1 };
    this.#entry.rule = rule;
    this.#entry.state = this.#state;
    if (this.#entry.index < 0) counters.add(this.#entry, now);
    return this.#entry;
  }

  #retryAfterMs(): number {
    if (this.#wanted > this.charge.rule.burst) return Infinity;
    return Math.ceil(this.#algorithm.waitUs(this.#state, this.#key.now, this.#wanted) / 1000);
  }
}

/** Counts the slots of a `concurrency` rule. */
export class SlotCounter implements RuleCounter {
  readonly charge: Charge;
  readonly fits: boolean;
  readonly #now: number;
  readonly #slots: Slots;
  readonly #entry: CounterEntry;

  constructor({ counters, tenantId, subject, now }: CounterKey, charge: Charge, slot: string | undefined) {
    const stored = counters.get(tenantId, subject);
    const { rule } = charge;
    this.charge = charge;
    this.#now = now;
    this.#slots = stored?.slots ?? new Map();
    this.#entry = stored ?? { counters, tenantId, subject, rule, state: [], slots: this.#slots, index: -1 };
    expireSlots(this.#slots, now);
    this.fits = this.#slots.size < rule.limit || (slot !== undefined && this.#slots.has(slot));
  }

  consume(_units: number, slot: string | undefined): void {
    if (slot === undefined) return;
    takeSlot(this.#slots, slot, this.#now + windowUs(this.charge.rule));
    this.#entry.rule = this.charge.rule;
    if (this.#entry.index < 0) this.#entry.counters.add(this.#entry, this.#now);
  }

  release(slot: string): void {
    this.#slots.delete(slot);
  }

  remaining(): number {
    return Math.max(0, this.charge.rule.limit - this.#slots.size);
  }

  status(): RuleStatus {
    return {
      remaining: this.remaining(),
      resetMs: Math.ceil(slotsResetUs(this.#slots, this.#now) / 1000),
      retryAfterMs: this.fits ? 0 : Math.ceil(slotsWaitUs(this.#slots, this.#now) / 1000),
    };
  }
}
