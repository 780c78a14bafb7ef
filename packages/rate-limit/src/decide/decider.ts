import type { ParsedOptions } from "../options.js";
import type { ConsumeRequest, ConsumeResult, Decision, HeldSlot, RefundRequest, Slot } from "../types.js";
import { createDenialCache } from "./denial-cache.js";
import { createFailurePolicy, type FailurePolicy } from "./failure-policy.js";
import { LeaseDecider } from "./lease-decider.js";
import { isLeased } from "./leases.js";
import { createResultHandler, type ResultHandler } from "./result-handler.js";
import type { LimitRequest } from "./rules.js";
import { releaseSlot, SlotRenewer, slotOf, unlosableSignal } from "./slot-renewal.js";
import { createStoreClient, type StoreClient } from "./store-client.js";

/** Decides requests by the denial cache, by leases, by the store within its deadline, or by failure policy. */
export interface Decider {
  decide(request: LimitRequest): Decision | Promise<Decision>;
  /** The slot of a decided request. */
  hold(request: LimitRequest, decision: Decision): Slot;
  refund(request: RefundRequest, decidedBy: Decision["decidedBy"]): Promise<void>;
  reset(request: ConsumeRequest): Promise<void>;
  close(): void;
}

export function createDecider(options: ParsedOptions): Decider {
  const client = createStoreClient(options);
  const failurePolicy = createFailurePolicy(options);
  const denialCache = client.isRemote && options.denialCacheMs > 0 ? createDenialCache(options) : undefined;
  const results = createResultHandler(options, failurePolicy, denialCache);
  const leases = new LeaseDecider({ clock: options.clock, client, results, denialCache });
  const slots = new SlotRenewer(options, client, failurePolicy.report);
  const decideByStore = createStoreDecider(client, results);

  return {
    decide(request) {
      const refused = denialCache?.find(request);
      if (refused !== undefined) return results.publish(request, refused);
      return client.isRemote && isLeased(request.consume) ? leases.decide(request) : decideByStore(request);
    },
    hold(request, decision) {
      const held = heldSlotOf(request);
      if (!decision.allowed || held.charges.length === 0) return slotOf(decision, unlosableSignal(), async () => {});
      if (decision.decidedBy === "store") return slots.hold(decision, held);
      return slotOf(decision, unlosableSignal(), () => releaseEverywhere(held, client, failurePolicy));
    },
    async refund(request, decidedBy) {
      denialCache?.invalidate(request);
      if (decidedBy === "lease") leases.refund(request);
      else if (decidedBy === "store") await client.refund(request);
      denialCache?.invalidate(request);
    },
    async reset(request) {
      denialCache?.invalidate(request);
      await client.reset(request);
      denialCache?.invalidate(request);
    },
    close: () => slots.close(),
  };
}

/** Asks the store. At most one promise is created: each more costs as much as the rest of a decision. */
function createStoreDecider(
  client: StoreClient,
  results: ResultHandler,
): (request: LimitRequest) => Decision | Promise<Decision> {
  const decided = (request: LimitRequest, result: ConsumeResult, sentAt: number): Decision =>
    results.decided(request, results.accept(request.consume, result, sentAt), "store");

  return (request) => {
    const sentAt = results.sentNow();
    try {
      const answer = client.consume(request.consume);
      if (!(answer instanceof Promise)) return decided(request, answer, sentAt);
      return answer.then(
        (result) => {
          try {
            return decided(request, result, sentAt);
          } catch (error) {
            return results.failed(request, error);
          }
        },
        (error: unknown) => results.failed(request, error),
      );
    } catch (error) {
      return results.failed(request, error);
    }
  };
}

function heldSlotOf({ consume: { tenantId, slot = "", charges } }: LimitRequest): HeldSlot {
  return { tenantId, slot, charges: charges.filter(({ rule }) => rule.algorithm === "concurrency") };
}

/** A request that timed out may still be carried out. The store may then hold the slot in addition to the local share. */
async function releaseEverywhere(held: HeldSlot, client: StoreClient, failurePolicy: FailurePolicy): Promise<void> {
  failurePolicy.release(held);
  await releaseSlot(held, client, failurePolicy.report);
}
