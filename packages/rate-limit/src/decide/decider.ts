import type { ParsedOptions } from "../options.js";
import type { ConsumeRequest, ConsumeResult, Decision, HeldSlot, Slot } from "../types.js";
import type { Correction } from "./corrections.js";
import { unlimitedDecision } from "./decision.js";
import { createDenialCache } from "./denial-cache.js";
import { createFailurePolicy } from "./failure-policy.js";
import { createGivenUpRequests, heldSlotOf } from "./given-up-requests.js";
import { LeaseDecider } from "./lease-decider.js";
import { isLeased } from "./leases.js";
import { createResultHandler, type ResultHandler } from "./result-handler.js";
import type { LimitRequest } from "./rules.js";
import { SlotRenewer, slotOf } from "./slot-renewal.js";
import { createStoreClient, type StoreClient } from "./store-client.js";
import { UndoQueue } from "./undo-queue.js";

/** Decides requests by the denial cache, by leases, by the store within its deadline, or by failure policy. */
export interface Decider {
  /**
   * A late answer of the store is taken back: its slot is released and its units are refunded, except for the units of a
   * request that the failure policy admitted.
   */
  decide(request: LimitRequest): Decision | Promise<Decision>;
  /** The slot of a decided request. */
  hold(request: LimitRequest, decision: Decision): Slot;
  /** A late answer changes nothing: however often a correction is repeated, it is applied once. */
  correct(correction: Correction, decidedBy: Decision["decidedBy"]): Promise<void>;
  /** A late answer changes nothing: what is counted by then is deleted. */
  reset(request: ConsumeRequest): Promise<void>;
  close(): void;
}

/** @param onRelease called with every slot that is free again because this process released it */
export function createDecider(options: ParsedOptions, onRelease: (held: HeldSlot) => void): Decider {
  const { clock } = options;
  const client = createStoreClient(options);
  const undo = new UndoQueue(clock);
  const failurePolicy = createFailurePolicy(options);
  const denialCache = client.isRemote && options.denialCacheMs > 0 ? createDenialCache(options) : undefined;
  const givenUp = createGivenUpRequests({ clock, client, undo, denialCache });
  const results = createResultHandler(options, { failurePolicy, denialCache, givenUp });
  const leases = new LeaseDecider({ clock, client, results, denialCache });
  const slots = new SlotRenewer(options, { client, undo, report: failurePolicy.report, onRelease });
  const decideByStore = createStoreDecider(client, results);

  return {
    decide(request) {
      if (request.consume.charges.length === 0) return results.publish(request, unlimitedDecision(request));
      const refused = denialCache?.find(request);
      if (refused !== undefined) return results.publish(request, refused);
      return client.isRemote && isLeased(request.consume) ? leases.decide(request) : decideByStore(request);
    },
    hold(request, decision) {
      const held = heldSlotOf(request.consume);
      if (!decision.allowed || held.charges.length === 0) return slotOf(decision, { free: nothingToFree });
      if (decision.decidedBy === "store") return slots.hold(decision, held);
      const free = async (): Promise<void> => {
        failurePolicy.release(held);
        // A request that timed out may still be carried out. The store then holds the slot in addition to the local share.
        if (givenUp.mayHoldSlot(request.consume)) await slots.release(held, true);
        else onRelease(held);
      };
      return slotOf(decision, { free });
    },
    async correct({ refund, charge }, decidedBy) {
      if (charge !== undefined) {
        // The store did not count a request that it could not answer.
        if (decidedBy === "local" || charge.charges.length === 0) return;
        await client.consumeChecked(charge);
        return failurePolicy.record(charge);
      }
      denialCache?.invalidate(refund);
      if (decidedBy === "lease") leases.refund(refund);
      else if (decidedBy === "store") await client.refund(refund);
      denialCache?.invalidate(refund);
    },
    async reset(request) {
      if (request.charges.length === 0) return;
      denialCache?.invalidate(request);
      await client.reset(request);
      denialCache?.invalidate(request);
    },
    close() {
      slots.close();
      undo.close();
    },
  };
}

const nothingToFree = (): Promise<void> => Promise.resolve();

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
