import { randomUUID } from "node:crypto";
import type { Clock } from "@scale/core";
import { slotLose } from "../events.js";
import type { ParsedOptions } from "../options.js";
import type { Decision, HeldSlot, Slot } from "../types.js";
import type { FailurePolicy } from "./failure-policy.js";
import type { StoreClient } from "./store-client.js";

interface RenewedSlot {
  readonly held: HeldSlot;
  readonly ttlMs: number;
  /** Milliseconds of the monotonic clock: when it expires unless it is renewed. */
  until: number;
  readonly lost: AbortController;
}

/** Fraction of its ttl after which a slot is renewed: two renewals may fail before it expires. */
const RENEW_AFTER = 1 / 3;
/** A slot with at least this fraction of its ttl left is not renewed yet. */
const FRESH = 5 / 6;

const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const newSlotId = (): string => randomUUID();

/** Renews the slots that this process holds in the store, with one timer for all of them. */
export class SlotRenewer {
  readonly #limiter: string;
  readonly #clock: Clock;
  readonly #client: StoreClient;
  readonly #report: FailurePolicy["report"];
  readonly #slots = new Set<RenewedSlot>();
  #timer: NodeJS.Timeout | undefined;
  #nextAt = Infinity;
  #isClosed = false;

  /** @param report gets the failures of renewals and releases, which no request waits for */
  constructor({ name, clock }: ParsedOptions, client: StoreClient, report: FailurePolicy["report"]) {
    this.#limiter = name;
    this.#clock = clock;
    this.#client = client;
    this.#report = report;
  }

  hold(decision: Decision, held: HeldSlot): Slot {
    const ttlMs = Math.min(...held.charges.map(({ rule }) => rule.windowMs));
    const slot: RenewedSlot = { held, ttlMs, until: this.#clock.monotonic() + ttlMs, lost: new AbortController() };
    this.#slots.add(slot);
    this.#scheduleRenewal(ttlMs);
    return slotOf(decision, slot.lost.signal, () => {
      this.#slots.delete(slot);
      // A failed release is reported only: the work is done, and the slot expires by itself.
      return releaseSlot(held, this.#client, this.#report);
    });
  }

  /** Stops renewing: held slots expire when their ttl is over. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#slots.clear();
  }

  #scheduleRenewal(ttlMs: number): void {
    this.#schedule(this.#clock.monotonic() + ttlMs * RENEW_AFTER);
  }

  #schedule(at: number): void {
    if (this.#isClosed || at >= this.#nextAt) return;
    this.#nextAt = at;
    clearTimeout(this.#timer);
    const waitMs = Math.max(1, Math.ceil(at - this.#clock.monotonic()));
    this.#timer = setTimeout(() => this.#renewDue(), Math.min(LONGEST_TIMER_MS, waitMs));
    this.#timer.unref();
  }

  #renewDue(): void {
    this.#nextAt = Infinity;
    const now = this.#clock.monotonic();
    let shortestMs = Infinity;
    for (const slot of this.#slots) {
      shortestMs = Math.min(shortestMs, slot.ttlMs);
      if (slot.until - now <= slot.ttlMs * FRESH) void this.#renew(slot);
    }
    this.#scheduleRenewal(shortestMs);
  }

  async #renew(slot: RenewedSlot): Promise<void> {
    const sentAt = this.#clock.monotonic();
    try {
      const { allowed } = await this.#client.consume({ ...slot.held, cost: 1 });
      if (!allowed) return this.#lose(slot);
      slot.until = sentAt + slot.ttlMs;
      // Released in the meantime: the renewal may have taken the slot again.
      if (!this.#slots.has(slot) && !this.#isClosed) await this.#client.release(slot.held);
    } catch (error) {
      this.#report(slot.held.tenantId, error);
      // The slot stays held until it expires, whether or not the store can be reached.
      if (this.#clock.monotonic() >= slot.until) this.#lose(slot);
      else this.#schedule(slot.until);
    }
  }

  #lose(slot: RenewedSlot): void {
    if (!this.#slots.delete(slot)) return;
    slotLose.publish(() => ({ limiter: this.#limiter, tenantId: slot.held.tenantId }));
    slot.lost.abort(new Error("the slot was lost: it could not be renewed in time"));
  }
}

/** Frees a slot in the store. A failure is reported, and does not throw. */
export async function releaseSlot(held: HeldSlot, client: StoreClient, report: FailurePolicy["report"]): Promise<void> {
  try {
    await client.release(held);
  } catch (error) {
    report(held.tenantId, error);
  }
}

/** A slot that is freed at most once. */
export function slotOf(decision: Decision, signal: AbortSignal, free: () => Promise<void>): Slot {
  let released: Promise<void> | undefined;
  const release = (): Promise<void> => (released ??= free());
  return { decision, allowed: decision.allowed, signal, release, [Symbol.asyncDispose]: release };
}

/** The signal of a slot that cannot be lost. Each slot has its own: listeners on a shared one would pile up. */
export const unlosableSignal = (): AbortSignal => new AbortController().signal;
