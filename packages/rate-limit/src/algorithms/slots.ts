/**
 * Slots of one `concurrency` rule and subject that are taken, each with the microsecond at which it is free again if its
 * holder is not heard of. In no order of these times: a rule may have been changed to a shorter one.
 */
export type Slots = Map<string, number>;

/** Microseconds after which to ask again for a slot at the latest: any holder may be done before its slot expires. */
const ASK_AGAIN_US = 1_000_000;

/** Removes the slots that have expired. */
export function expireSlots(slots: Slots, now: number): void {
  for (const [slot, until] of slots) if (until <= now) slots.delete(slot);
}

export function takeSlot(slots: Slots, slot: string, until: number): void {
  slots.set(slot, until);
}

/** Microseconds until the last of the slots expires. */
export function slotsResetUs(slots: Slots, now: number): number {
  let last = now;
  for (const until of slots.values()) if (until > last) last = until;
  return last - now;
}

/** Microseconds until one of the slots may be free. */
export function slotsWaitUs(slots: Slots, now: number): number {
  let waitUs = slots.size > 0 ? ASK_AGAIN_US : 1;
  for (const until of slots.values()) waitUs = Math.min(waitUs, until - now);
  return waitUs;
}
