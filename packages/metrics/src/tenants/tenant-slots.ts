import type { Clock } from "@scale/core";
import { SpaceSaving } from "./space-saving.js";
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
  readonly #slots = new Map<string, number>();
  readonly #ids: (string | undefined)[] = [undefined, undefined, undefined];
  readonly #labels: LabelPairs[] = [...FIXED_LABELS];
  readonly #texts: string[] = FIXED_LABELS.map(labelText);
  /** Events of the tenant of each slot, halved with each window. */
  readonly #scores: number[] = [0, 0, 0];
  readonly #free: number[] = [];
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
    this.#candidates = new SpaceSaving(Math.max(64, options.max * CANDIDATES));
    this.#turnedAt = options.clock.monotonic();
  }

  /** Counts events of a tenant. @returns the slot that its values belong to now */
  record(tenantId: string, events = 1): number {
    this.#ticks = (this.#ticks + 1) % CHECK_EVERY;
    if (this.#ticks === 0) this.turnWhenDue();
    const slot = this.#slots.get(tenantId);
    if (slot === undefined) return this.#arrive(tenantId, events);
    this.#scores[slot] = (this.#scores[slot] as number) + events;
    return slot;
  }

  /** Slot of a tenant that has one. Counts nothing. */
  find(tenantId: string): number | undefined {
    return this.#slots.get(tenantId);
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
    const divisor = 2 ** Math.min(64, windows);
    for (let slot = FIRST; slot < this.#scores.length; slot++) {
      this.#scores[slot] = Math.floor((this.#scores[slot] as number) / divisor);
    }
    this.#candidates.halve(Math.min(64, windows));
    this.#bar = 0;
    for (const listener of this.#onTurn) listener(windows);
  }

  #arrive(tenantId: string, arrived: number): number {
    if (this.#slots.size < this.#options.max) return this.#admit(tenantId, arrived);
    const events = this.#candidates.add(tenantId, arrived);
    if (events < LEAST_EVENTS || events <= this.#bar || this.#holds > 0) return OTHER;
    const lightest = this.#lightest();
    this.#bar = (this.#scores[lightest] as number) * this.#options.hysteresis;
    if (events <= this.#bar) return OTHER;
    this.#evict(lightest);
    return this.#admit(tenantId, events);
  }

  #admit(tenantId: string, score: number): number {
    const slot = this.#free.pop() ?? this.#ids.length;
    this.#candidates.remove(tenantId);
    this.#admissions++;
    const hasReturned = this.#hasForgotten || this.#departed.has(tenantId);
    const labels: LabelPairs = [
      ["tenant", tenantLabel(tenantId)],
      ...(hasReturned ? [["part", String(this.#admissions)] as const] : []),
    ];
    this.#slots.set(tenantId, slot);
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
    this.#slots.delete(tenantId);
    this.#ids[slot] = undefined;
    this.#free.push(slot);
  }

  #lightest(): number {
    let lightest = FIRST;
    for (let slot = FIRST + 1; slot < this.#scores.length; slot++) {
      if ((this.#scores[slot] as number) < (this.#scores[lightest] as number)) lightest = slot;
    }
    return lightest;
  }
}
