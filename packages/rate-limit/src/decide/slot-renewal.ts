import { randomUUID } from "node:crypto";
import type { Clock } from "@scale/core";
import { slotLose } from "../events.js";
import type { Decision, HeldSlot, Slot } from "../types.js";

export interface HoldersOptions {
  readonly limiter: string;
  readonly clock: Clock;
  /** @returns whether it is held now */
  renew(held: HeldSlot): Promise<boolean>;
  release(held: HeldSlot): Promise<void>;
  /** Gets what went wrong where nobody waits for it. */
  onError(tenantId: string, error: unknown): void;
}

/** The slots that this process holds. */
export interface Holders {
  hold(decision: Decision, held: HeldSlot): Slot;
  /** Stops renewing: what is held then is free again when its time is over. */
  close(): void;
}

/** A slot as it is renewed. */
interface Holding {
  readonly held: HeldSlot;
  readonly ttlMs: number;
  /** Milliseconds of the monotonic clock: when it expires if it is not renewed. */
  until: number;
  readonly lost: AbortController;
}

/** Parts of a slot's time after which it is renewed: two attempts may fail. */
const RENEW_EVERY = 3;
/** Part of its time that a slot has left at least when it need not be renewed yet. */
const FRESH = 5 / 6;

const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const newSlotId = (): string => randomUUID();

/** Renews the slots of this process, with one timer for all of them. */
export function createHolders({ limiter, clock, renew, release, onError }: HoldersOptions): Holders {
  const holding = new Set<Holding>();
  let timer: NodeJS.Timeout | undefined;
  let nextAt = Infinity;
  let closed = false;

  const schedule = (ttlMs: number): void => beatAt(clock.monotonic() + ttlMs / RENEW_EVERY);

  function beatAt(at: number): void {
    if (closed || at >= nextAt) return;
    nextAt = at;
    clearTimeout(timer);
    timer = setTimeout(beat, Math.min(LONGEST_TIMER_MS, Math.max(1, Math.ceil(at - clock.monotonic()))));
    timer.unref();
  }

  function beat(): void {
    nextAt = Infinity;
    const now = clock.monotonic();
    const due = [...holding].filter(({ until, ttlMs }) => until - now <= ttlMs * FRESH);
    for (const each of due) void keep(each);
    let shortest = Infinity;
    for (const { ttlMs } of holding) shortest = Math.min(shortest, ttlMs);
    schedule(shortest);
  }

  async function keep(each: Holding): Promise<void> {
    const sentAt = clock.monotonic();
    try {
      if (!(await renew(each.held))) return lose(each);
      each.until = sentAt + each.ttlMs;
      // Released meanwhile: the renewal may have taken it again.
      if (!holding.has(each) && !closed) await release(each.held);
    } catch (error) {
      onError(each.held.tenantId, error);
      // Until then the slot is ours, whether or not the store can be reached.
      if (clock.monotonic() >= each.until) lose(each);
      else beatAt(each.until);
    }
  }

  function lose(each: Holding): void {
    if (!holding.delete(each)) return;
    slotLose.publish(() => ({ limiter, tenantId: each.held.tenantId }));
    each.lost.abort(new Error("the slot was lost: it could not be renewed in time"));
  }

  return {
    hold(decision, held) {
      const ttlMs = Math.min(...held.charges.map(({ rule }) => rule.windowMs));
      const each: Holding = { held, ttlMs, until: clock.monotonic() + ttlMs, lost: new AbortController() };
      holding.add(each);
      schedule(ttlMs);
      return slotOf(decision, each.lost.signal, async () => {
        holding.delete(each);
        try {
          await release(held);
        } catch (error) {
          // It frees itself when its time is over: the work that held it has been done.
          onError(held.tenantId, error);
        }
      });
    },
    close() {
      closed = true;
      clearTimeout(timer);
      holding.clear();
    },
  };
}

/** A slot that is released at most once. */
export function slotOf(decision: Decision, signal: AbortSignal, free: () => Promise<void>): Slot {
  let released: Promise<void> | undefined;
  const release = (): Promise<void> => (released ??= free());
  return { decision, allowed: decision.allowed, signal, release, [Symbol.asyncDispose]: release };
}
