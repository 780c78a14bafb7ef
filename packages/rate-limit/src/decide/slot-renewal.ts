import { AsyncResource } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import type { Clock } from "@scale/core";
import { inRootContext, wasNotSent } from "@scale/core/kit";
import { slotLose } from "../events.js";
import type { ParsedOptions } from "../options.js";
import type { ConsumeResult, Decision, HeldSlot, Slot } from "../types.js";
import { tenantOfRequest } from "./counted-id.js";
import type { FailurePolicy } from "./failure-policy.js";
import { releaseTask, ttlOf } from "./given-up-requests.js";
import { SlotSignal } from "./slot-signal.js";
import type { StoreClient } from "./store-client.js";
import type { UndoQueue } from "./undo-queue.js";

interface RenewedSlot {
  readonly held: HeldSlot;
  readonly ttlMs: number;
  /** Milliseconds of the monotonic clock: when it expires unless it is renewed. */
  until: number;
  /** Milliseconds of the monotonic clock: from then on it is not renewed. */
  renewUntil: number;
  /** True while the store may still carry out a renewal that was given up. */
  isUncertain: boolean;
  readonly lost: SlotSignal;
  /** The async context of the request that holds it. Its renewals, events and abort listeners run there. */
  readonly context: AsyncResource;
}

/** Fraction of its ttl after which a slot is renewed: two renewals may fail before it expires. */
const RENEW_AFTER = 1 / 3;
/** A slot with at least this fraction of its ttl left is not renewed yet. */
const FRESH = 5 / 6;

const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const newSlotId = (): string => randomUUID();

/** Renews the slots that this process holds in the store, with one timer for all of them, which runs outside of any tenant. */
export class SlotRenewer {
  readonly #limiter: string;
  readonly #clock: Clock;
  readonly #client: StoreClient;
  readonly #undo: UndoQueue;
  readonly #report: FailurePolicy["report"];
  readonly #onRelease: (held: HeldSlot) => void;
  readonly #slots = new Set<RenewedSlot>();
  #timer: NodeJS.Timeout | undefined;
  #nextAt = Infinity;
  #isClosed = false;

  /**
   * @param parts `report` gets the failures of renewals and releases, which no request waits for, and `onRelease` every slot
   * that was released
   */
  constructor(
    { name, clock }: ParsedOptions,
    parts: {
      readonly client: StoreClient;
      readonly undo: UndoQueue;
      readonly report: FailurePolicy["report"];
      readonly onRelease: (held: HeldSlot) => void;
    },
  ) {
    this.#limiter = name;
    this.#clock = clock;
    this.#client = parts.client;
    this.#undo = parts.undo;
    this.#report = parts.report;
    this.#onRelease = parts.onRelease;
  }

  hold(decision: Decision, held: HeldSlot): Slot {
    const ttlMs = ttlOf(held);
    const slot: RenewedSlot = {
      ...{ held, ttlMs, isUncertain: false, renewUntil: Infinity, lost: new SlotSignal() },
      ...{ until: this.#clock.monotonic() + ttlMs, context: new AsyncResource("scale:slot") },
    };
    this.#slots.add(slot);
    this.#scheduleRenewal(ttlMs);
    const free = (): Promise<void> => {
      this.#slots.delete(slot);
      return this.release(held, slot.isUncertain);
    };
    const letExpire = (afterMs = 0): void => {
      slot.renewUntil = Math.min(slot.renewUntil, this.#clock.monotonic() + afterMs);
    };
    return slotOf(decision, { free, letExpire, lost: slot.lost });
  }

  /**
   * Frees a slot in the store. A failed release is reported and repeated in the background, until the slot expires by itself.
   * A late answer changes nothing: a slot that is released twice stays free.
   * @param isUncertain true while the store may still carry out a call that takes the slot
   */
  async release(held: HeldSlot, isUncertain: boolean): Promise<void> {
    const task = releaseTask(held, { client: this.#client, clock: this.#clock, isUncertain });
    const error = await this.#undo.run(task);
    if (error === undefined) this.#onRelease(held);
    else this.#report(held, error);
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
    const waitMs = Math.min(LONGEST_TIMER_MS, Math.max(1, Math.ceil(at - this.#clock.monotonic())));
    this.#timer = inRootContext(() => setTimeout(() => this.#renewDue(), waitMs));
    this.#timer.unref();
  }

  #renewDue(): void {
    this.#nextAt = Infinity;
    const now = this.#clock.monotonic();
    let shortestMs = Infinity;
    for (const slot of this.#slots) {
      shortestMs = Math.min(shortestMs, slot.ttlMs);
      if (now >= slot.renewUntil) {
        if (now >= slot.until) this.#slots.delete(slot);
        continue;
      }
      if (slot.until - now <= slot.ttlMs * FRESH) slot.context.runInAsyncScope(() => void this.#renew(slot));
    }
    this.#scheduleRenewal(shortestMs);
  }

  /** A late answer counts like one in time: the store has renewed the slot, or has no room for it. */
  async #renew(slot: RenewedSlot): Promise<void> {
    const sentAt = this.#clock.monotonic();
    const request = { ...slot.held, cost: 1 };
    try {
      this.#renewed(slot, await this.#client.consume(request), sentAt);
    } catch (error) {
      this.#report(slot.held, error);
      if (!wasNotSent(error)) this.#renewLate(slot, request, sentAt);
      // The slot stays held until it expires, whether or not the store can be reached.
      if (this.#clock.monotonic() >= slot.until) this.#lose(slot);
      else this.#schedule(slot.until);
    }
  }

  #renewLate(slot: RenewedSlot, request: HeldSlot & { readonly cost: number }, sentAt: number): void {
    slot.isUncertain = true;
    if (!this.#slots.has(slot)) void this.release(slot.held, true);
    this.#client.whenLate(request, (result) => slot.context.runInAsyncScope(() => this.#renewed(slot, result, sentAt)));
  }

  #renewed(slot: RenewedSlot, { allowed }: ConsumeResult, sentAt: number): void {
    if (!allowed) return this.#lose(slot);
    slot.until = Math.max(slot.until, sentAt + slot.ttlMs);
    slot.isUncertain = false;
    // Released in the meantime: the renewal may have taken the slot again.
    if (!this.#slots.has(slot) && !this.#isClosed) void this.release(slot.held, false);
  }

  #lose(slot: RenewedSlot): void {
    if (!this.#slots.delete(slot)) return;
    slot.context.runInAsyncScope(() => {
      slotLose.publish(() => ({ limiter: this.#limiter, tenantId: tenantOfRequest(slot.held) }));
      slot.lost.abort(new Error("the slot was lost: it could not be renewed in time"));
    });
  }
}

const nothing = (): void => undefined;

/**
 * A slot that is freed at most once.
 * @param how `letExpire`: for a slot that is renewed; `lost`: by default a signal that never aborts, for a slot that cannot be
 * lost
 */
export function slotOf(
  decision: Decision,
  how: {
    readonly free: () => Promise<void>;
    readonly letExpire?: (afterMs?: number) => void;
    readonly lost?: SlotSignal;
  },
): Slot {
  const { free, letExpire = nothing, lost = new SlotSignal() } = how;
  let released: Promise<void> | undefined;
  const release = (): Promise<void> => (released ??= free());
  return {
    decision,
    allowed: decision.allowed,
    get signal() {
      return lost.signal;
    },
    release,
    letExpire,
    [Symbol.asyncDispose]: release,
  };
}
