/**
 * Held slots of one `concurrency` rule and subject, each with the microsecond at which it expires unless it is renewed.
 * Not ordered by that time: the rule's ttl may have become shorter in between.
 */
export type Slots = Map<string, number>;

/** Longest retry time for a slot, in microseconds: any holder may release its slot before it expires. */
const MAX_RETRY_US = 1_000_000;

/** Removes expired slots. */
export function expireSlots(slots: Slots, now: number): void {
  for (const [slot, until] of slots) if (until <= now) slots.delete(slot);
}

export function takeSlot(slots: Slots, slot: string, until: number): void {
  slots.set(slot, until);
}

/** Microseconds until the last slot expires. */
export function slotsResetUs(slots: Slots, now: number): number {
  let last = now;
  for (const until of slots.values()) if (until > last) last = until;
  return last - now;
}

/** Microseconds until one of the slots may be free. */
export function slotsWaitUs(slots: Slots, now: number): number {
  let waitUs = slots.size > 0 ? MAX_RETRY_US : 1;
  for (const until of slots.values()) waitUs = Math.min(waitUs, until - now);
  return waitUs;
}
