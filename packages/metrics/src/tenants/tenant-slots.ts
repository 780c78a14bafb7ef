import type { Clock } from "@scale/core";
import { MAX_ID_LENGTH } from "@scale/core/kit";
import { createKnownIds } from "./known-ids.js";
import { NO_COUNTER, SpaceSaving } from "./space-saving.js";
import { type LabelPairs, labelText } from "../instruments/label-text.js";
import { OTHER_TENANTS, tenantLabel } from "./tenant-label.js";

/** Slot of the tenants without a series of their own. */
export const OTHER = 0;
/** Slot of counts that came with tenants that lost their series. */
export const MOVED = 1;
/** Slot of work without a tenant. */
export const NO_TENANT = 2;
/** First slot of a tenant. */
const FIRST = 3;

export interface TenantSlotsOptions {
  /** Tenants with series of their own. */
  readonly max: number;
  readonly windowMs: number;
  /** How many times the traffic of the lightest tenant another one needs to take its series. */
  readonly hysteresis: number;
  readonly clock: Clock;
}

/** Told before a slot changes its tenant: counts of the slot must be moved. */
export type MoveListener = (from: number, to: number) => void;

/** Events of a window that a tenant needs in any case before it takes a series from another one. */
const LEAST_EVENTS = 8;
/** Counters for tenants without a slot, for each slot. */
const CANDIDATES = 4;
const CHECK_EVERY = 64;
const MAX_DEPARTED = 65_536;
const FIXED_LABELS: readonly LabelPairs[] = [
  [["tenant", OTHER_TENANTS]],
  [
    ["tenant", OTHER_TENANTS],
    ["part", "moved"],
  ],
  [],
];

/**
 * Decides which tenants have series of their own: the heaviest of the last windows. Each of them has a slot, the index of its
 * values in every metric.
 */
export class TenantSlots {
  readonly #options: TenantSlotsOptions;
  /** Slots of tenants, and the complements of counters of those without one: an event is one look-up. */
  readonly #known = createKnownIds();
  readonly #ids: (string | undefined)[] = [undefined, undefined, undefined];
  #taken = 0;
  /** Events of the tenant of each slot, halved with each window. */
  #scores = new Float64Array(64);
  readonly #labels: LabelPairs[] = [...FIXED_LABELS];
  readonly #texts: string[] = FIXED_LABELS.map(labelText);
  readonly #free: number[] = [];
  /** Counters of tenants without a slot, halved with each window. */
  readonly #candidates: SpaceSaving;
  /** Tenants that lost a series. Their next one has another label, so that no series ever starts below where it ended. */
  readonly #departed = new Set<string>();
  #hasForgotten = false;
  #admissions = 0;
  /** No candidate at or below it can take a slot. */
  #bar = 0;
  #ticks = 0;
  #turnedAt: number;
  #holds = 0;
  readonly #onMove: MoveListener[] = [];
  readonly #onTurn: ((windows: number) => void)[] = [];

  constructor(options: TenantSlotsOptions) {
    this.#options = options;
    this.#candidates = new SpaceSaving(Math.max(64, options.max * CANDIDATES), this.#known);
    this.#turnedAt = options.clock.monotonic();
  }

  /**
   * Counts an event of a tenant, or of work without one. A tenant that is no string, in untyped code,
   * counts as none, and an id above the longest length as one of the others: a recording never throws.
   */
  slotFor(tenantId: string | undefined, events = 1): number {
    if (typeof tenantId !== "string" || tenantId === "") return NO_TENANT;
    return tenantId.length > MAX_ID_LENGTH ? OTHER : this.record(tenantId, events);
  }

  /** Counts events of a tenant. @returns the slot that its values belong to now */
  record(tenantId: string, events = 1): number {
    this.#ticks = (this.#ticks + 1) % CHECK_EVERY;
    if (this.#ticks === 0) this.turnWhenDue();
    const slot = this.#known[tenantId];
    if (slot === undefined) return this.#arrive(tenantId, events);
    if (slot < 0) return this.#challenge(~slot, events);
    this.#scores[slot] = (this.#scores[slot] as number) + events;
    return slot;
  }

  /** Slot of a tenant that has one. Counts nothing. */
  find(tenantId: string): number | undefined {
    const slot = this.#known[tenantId];
    return slot === undefined || slot < 0 ? undefined : slot;
  }

  /** Tenant of a slot; `undefined` for the slots of `other` and for a free one. */
  idOf(slot: number): string | undefined {
    return this.#ids[slot];
  }

  /** Labels of a slot, none for work without a tenant. */
  labelsOf(slot: number): LabelPairs {
    return this.#labels[slot] ?? [];
  }

  /** The same as text. */
  textOf(slot: number): string {
    return this.#texts[slot] ?? "";
  }

  /** Number of slots in use, and of those that are free again. */
  get length(): number {
    return this.#ids.length;
  }

  /** Tenants with a slot, in the order of the slots. */
  tenants(): { readonly tenantId: string; readonly slot: number }[] {
    return this.#ids.flatMap((tenantId, slot) => (tenantId === undefined ? [] : { tenantId, slot }));
  }

  onMove(listener: MoveListener): void {
    this.#onMove.push(listener);
  }

  onTurn(listener: (windows: number) => void): void {
    this.#onTurn.push(listener);
  }

  /** Lets no tenant lose its slot until the returned function is called: a scrape sees each event in one series. */
  hold(): () => void {
    this.#holds++;
    let isHeld = true;
    return () => {
      if (isHeld) this.#holds--;
      isHeld = false;
    };
  }

  /** Begins a new window when the last one is over. Called every few events, and before every reading. */
  turnWhenDue(): void {
    const { clock, windowMs } = this.#options;
    const windows = Math.floor((clock.monotonic() - this.#turnedAt) / windowMs);
    if (windows < 1) return;
    this.#turnedAt += windows * windowMs;
    const times = Math.min(64, windows);
    for (let slot = 0; slot < this.#scores.length; slot++)
      this.#scores[slot] = Math.floor((this.#scores[slot] as number) / 2 ** times);
    this.#candidates.halve(times);
    this.#bar = 0;
    for (const listener of this.#onTurn) listener(windows);
  }

  /** Counts a tenant without a counter. */
  #arrive(tenantId: string, events: number): number {
    if (this.#taken < this.#options.max) return this.#seat(tenantId, events);
    const counter = this.#candidates.insert(tenantId, events);
    return counter === NO_COUNTER ? OTHER : this.#challenge(counter, 0);
  }

  /** Counts a tenant that has a counter, and gives it the slot of the lightest tenant if it has enough more traffic. */
  #challenge(counter: number, arrived: number): number {
    const events = this.#candidates.count(counter, arrived);
    if (events < LEAST_EVENTS || events <= this.#bar || this.#holds > 0) return OTHER;
    const lightest = this.#lightest();
    this.#bar = (this.#scores[lightest] as number) * this.#options.hysteresis;
    if (events <= this.#bar) return OTHER;
    this.#evict(lightest);
    const tenantId = this.#candidates.idOf(counter);
    this.#candidates.remove(counter);
    return this.#seat(tenantId, events);
  }

  #seat(tenantId: string, score: number): number {
    const slot = this.#free.pop() ?? this.#ids.length;
    if (slot >= this.#scores.length) this.#grow();
    this.#taken++;
    this.#admissions++;
    const hasReturned = this.#hasForgotten || this.#departed.has(tenantId);
    const labels: LabelPairs = [
      ["tenant", tenantLabel(tenantId)],
      ...(hasReturned ? [["part", String(this.#admissions)] as const] : []),
    ];
    this.#known[tenantId] = slot;
    this.#ids[slot] = tenantId;
    this.#labels[slot] = labels;
    this.#texts[slot] = labelText(labels);
    this.#scores[slot] = score;
    return slot;
  }

  #evict(slot: number): void {
    const tenantId = this.#ids[slot];
    if (tenantId === undefined) return;
    for (const listener of this.#onMove) listener(slot, MOVED);
    if (this.#departed.size >= MAX_DEPARTED) {
      this.#departed.clear();
      this.#hasForgotten = true;
    }
    this.#departed.add(tenantId);
    delete this.#known[tenantId];
    this.#ids[slot] = undefined;
    this.#taken--;
    this.#free.push(slot);
  }

  /** Slot of the tenant with the fewest events. Every slot has a tenant when one is looked for. */
  #lightest(): number {
    let lightest = FIRST;
    for (let slot = FIRST + 1; slot < this.#ids.length; slot++)
      if ((this.#scores[slot] as number) < (this.#scores[lightest] as number)) lightest = slot;
    return lightest;
  }

  #grow(): void {
    const scores = new Float64Array(this.#scores.length * 2);
    scores.set(this.#scores);
    this.#scores = scores;
  }
}
