import { capacity, type Algorithm, type MutableState, windowUs } from "../algorithms/counter.js";
import { expireSlots, type Slots, slotsResetUs, slotsWaitUs, takeSlot } from "../algorithms/slots.js";
import type { Entry, Shard, Whose } from "./counter-map.js";
import type { Charge, RuleStatus } from "../types.js";

/** Where a count is kept, whose it is, and what time it is: microseconds. */
export interface Place extends Whose {
  readonly shard: Shard;
}

/** One rule of a question and what is counted for it. A class, because one is made for every rule of every request. */
export interface Account {
  readonly charge: Charge;
  /** True when the rule admits what is asked. */
  readonly fits: boolean;
  /** Charges units, or takes the slot, and keeps that. */
  take(units: number, slot: string | undefined): void;
  /** Whole units that fit now. */
  remaining(): number;
  standing(): RuleStatus;
}

export class CountAccount implements Account {
  readonly charge: Charge;
  readonly fits: boolean;
  readonly #place: Place;
  readonly #counter: Algorithm;
  readonly #asked: number;
  readonly #state: MutableState;
  #entry: Entry | undefined;

  // oxlint-disable-next-line max-params -- one is made for every rule of every request: an object for them costs as much
  constructor(place: Place, charge: Charge, counter: Algorithm, cost: number) {
    this.charge = charge;
    this.#place = place;
    this.#counter = counter;
    this.#asked = cost > 0 ? cost : 1;
    this.#entry = place.shard.get(place.tenantId, place.subject);
    this.#state = counter.at(this.#entry?.state, place.now);
    this.fits = counter.used(this.#state, place.now) + this.#asked <= capacity(charge.rule.burst);
  }

  take(units: number): void {
    this.#counter.add(this.#state, units);
    this.#keep();
  }

  /** Takes back what was charged before. */
  giveBack(units: number, { at, emptyAt }: { at: number; emptyAt: number }): void {
    if (this.#entry === undefined) return;
    this.#counter.giveBack(this.#state, this.#place.now, { units, at, emptyAt });
    this.#keep();
  }

  remaining(): number {
    const free = capacity(this.charge.rule.burst) - this.#counter.used(this.#state, this.#place.now);
    return free > 0 ? Math.floor(free) : 0;
  }

  standing(): RuleStatus {
    const resetMs = Math.ceil(this.#counter.resetUs(this.#state, this.#place.now) / 1000);
    return { remaining: this.remaining(), resetMs, retryAfterMs: this.fits ? 0 : this.#retryAfterMs() };
  }

  #keep(): void {
    const { rule } = this.charge;
    this.#entry ??= { rule, state: this.#state, slots: undefined, at: -1 };
    this.#entry.rule = rule;
    this.#entry.state = this.#state;
    if (this.#entry.at < 0) this.#place.shard.add(this.#place, this.#entry);
  }

  #retryAfterMs(): number {
    if (this.#asked > this.charge.rule.burst) return Infinity;
    return Math.ceil(this.#counter.waitUs(this.#state, this.#place.now, this.#asked) / 1000);
  }
}

export class SlotAccount implements Account {
  readonly charge: Charge;
  readonly fits: boolean;
  readonly #place: Place;
  readonly #slots: Slots;
  readonly #entry: Entry;

  constructor(place: Place, charge: Charge, slot: string | undefined) {
    const entry = place.shard.get(place.tenantId, place.subject);
    this.charge = charge;
    this.#place = place;
    this.#slots = entry?.slots ?? new Map();
    this.#entry = entry ?? { rule: charge.rule, state: [], slots: this.#slots, at: -1 };
    expireSlots(this.#slots, place.now);
    this.fits = this.#slots.size < charge.rule.limit || (slot !== undefined && this.#slots.has(slot));
  }

  take(_units: number, slot: string | undefined): void {
    if (slot === undefined) return;
    takeSlot(this.#slots, slot, this.#place.now + windowUs(this.charge.rule));
    this.#entry.rule = this.charge.rule;
    if (this.#entry.at < 0) this.#place.shard.add(this.#place, this.#entry);
  }

  release(slot: string): void {
    this.#slots.delete(slot);
  }

  remaining(): number {
    return Math.max(0, this.charge.rule.limit - this.#slots.size);
  }

  standing(): RuleStatus {
    const { now } = this.#place;
    return {
      remaining: this.remaining(),
      resetMs: Math.ceil(slotsResetUs(this.#slots, now) / 1000),
      retryAfterMs: this.fits ? 0 : Math.ceil(slotsWaitUs(this.#slots, now) / 1000),
    };
  }
}
