import type { Clock } from "@scale/core";
import { MAX_ID_LENGTH } from "@scale/core/kit";
import { type IdCounter, NO_SLOT, SpaceSaving } from "./space-saving.js";
import { type LabelPairs, labelText } from "../instruments/label-text.js";
import { OTHER_TENANTS, tenantLabel } from "./tenant-label.js";

/** Slot of the tenants without a series of their own. */
export const OTHER = 0;
/** Slot of counts that came with tenants that lost their series. */
export const MOVED = 1;
/** Slot of work without a tenant. */
export const NO_TENANT = 2;

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
  /** Counter of the tenant of each slot, pinned: its events decide who has a slot. */
  readonly #tenants: (IdCounter | undefined)[] = [undefined, undefined, undefined];
  #taken = 0;
  readonly #labels: LabelPairs[] = [...FIXED_LABELS];
  readonly #texts: string[] = FIXED_LABELS.map(labelText);
  readonly #free: number[] = [];
  /** Counters of tenants, halved with each window. */
  readonly #counters: SpaceSaving;
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
    this.#counters = new SpaceSaving(Math.max(64, options.max * CANDIDATES));
    this.#turnedAt = options.clock.monotonic();
  }

  /**
   * Counts an event of a tenant, or of work without one. What is no id, such as a number of untyped code, is work without a
   * tenant, and an id that is longer than ids may be one of the others: a recording never throws.
   */
  slotFor(tenantId: string | undefined, events = 1): number {
    if (typeof tenantId !== "string" || tenantId === "") return NO_TENANT;
    return tenantId.length > MAX_ID_LENGTH ? OTHER : this.record(tenantId, events);
  }

  /** Counts events of a tenant. @returns the slot that its values belong to now */
  record(tenantId: string, events = 1): number {
    this.#ticks = (this.#ticks + 1) % CHECK_EVERY;
    if (this.#ticks === 0) this.turnWhenDue();
    const counter = this.#counters.find(tenantId);
    if (counter === undefined) return this.#arrive(tenantId, events);
    counter.events += events;
    return counter.slot === NO_SLOT ? this.#challenge(counter) : counter.slot;
  }

  /** Slot of a tenant that has one. Counts nothing. */
  find(tenantId: string): number | undefined {
    const slot = this.#counters.find(tenantId)?.slot;
    return slot === NO_SLOT ? undefined : slot;
  }

  /** Tenant of a slot; `undefined` for the slots of `other` and for a free one. */
  idOf(slot: number): string | undefined {
    return this.#tenants[slot]?.id;
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
    return this.#tenants.length;
  }

  /** Tenants with a slot, in the order of the slots. */
  tenants(): { readonly tenantId: string; readonly slot: number }[] {
    return this.#tenants.flatMap((counter) =>
      counter === undefined ? [] : { tenantId: counter.id, slot: counter.slot },
    );
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
    this.#counters.halve(Math.min(64, windows));
    this.#bar = 0;
    for (const listener of this.#onTurn) listener(windows);
  }

  /** Counts a tenant without a counter. */
  #arrive(tenantId: string, events: number): number {
    if (this.#taken < this.#options.max) return this.#seat(this.#counters.insertPinned(tenantId, events));
    const counter = this.#counters.insert(tenantId, events);
    return counter === undefined ? OTHER : this.#challenge(counter);
  }

  /** Gives a tenant the slot of the lightest one, if it has enough more traffic. */
  #challenge(counter: IdCounter): number {
    const events = counter.certain;
    const isFull = this.#taken >= this.#options.max;
    if (isFull && (events < LEAST_EVENTS || events <= this.#bar || this.#holds > 0)) return OTHER;
    if (isFull) {
      const lightest = this.#lightest();
      this.#bar = lightest.events * this.#options.hysteresis;
      if (events <= this.#bar) return OTHER;
      this.#evict(lightest);
    }
    this.#counters.pin(counter);
    return this.#seat(counter);
  }

  #seat(counter: IdCounter): number {
    const { id } = counter;
    const slot = this.#free.pop() ?? this.#tenants.length;
    this.#taken++;
    this.#admissions++;
    const hasReturned = this.#hasForgotten || this.#departed.has(id);
    const labels: LabelPairs = [
      ["tenant", tenantLabel(id)],
      ...(hasReturned ? [["part", String(this.#admissions)] as const] : []),
    ];
    counter.slot = slot;
    this.#tenants[slot] = counter;
    this.#labels[slot] = labels;
    this.#texts[slot] = labelText(labels);
    return slot;
  }

  #evict(counter: IdCounter): void {
    const { id, slot } = counter;
    for (const listener of this.#onMove) listener(slot, MOVED);
    if (this.#departed.size >= MAX_DEPARTED) {
      this.#departed.clear();
      this.#hasForgotten = true;
    }
    this.#departed.add(id);
    this.#counters.remove(counter);
    this.#tenants[slot] = undefined;
    this.#taken--;
    this.#free.push(slot);
  }

  #lightest(): IdCounter {
    let lightest: IdCounter | undefined;
    for (const counter of this.#tenants)
      if (counter !== undefined && (lightest === undefined || counter.events < lightest.events)) lightest = counter;
    return lightest as IdCounter;
  }
}
