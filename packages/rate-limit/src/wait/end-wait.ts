import { storeFail, waitRefuse } from "../events.js";
import type { Decision, Slot } from "../types.js";
import type { QueueParts } from "./queue-parts.js";
import type { WaitRefusal } from "./types.js";
import type { Waiter } from "./waiter.js";

/** Publishes a refusal, in the async context of the caller that waited. */
export function publishRefusal(
  { limiter: { name } }: QueueParts,
  waiter: Waiter,
  { reason, now, queued }: { readonly reason: WaitRefusal; readonly now: number; readonly queued: number },
): void {
  const { tenantId, check, arrivedAt } = waiter;
  const { group } = check;
  waiter.run(() =>
    waitRefuse.publish(() => ({ limiter: name, tenantId, group, reason, waitedMs: now - arrivedAt, queued })),
  );
}

/** Returns the units and the slot of a request whose work does not happen. A failure is published: no caller waits for it. */
export async function giveBack(
  { limiter }: QueueParts,
  { tenantId }: Waiter,
  { decision, slot }: { readonly decision: Decision; readonly slot: Slot | undefined },
): Promise<void> {
  try {
    await Promise.all([slot?.release(), limiter.refund(decision)]);
  } catch (error) {
    storeFail.publish(() => ({ limiter: limiter.name, tenantId, error }));
  }
}
