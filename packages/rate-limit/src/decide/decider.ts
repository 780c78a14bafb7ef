import { StoreError } from "@scale/core";
import { createDeadline, describeValue } from "@scale/core/kit";
import { decisionOf } from "./decision.js";
import { createDenials } from "./denial-cache.js";
import { requestDecide } from "../events.js";
import { createFailurePolicies } from "./failure-policy.js";
import { createHolders, slotOf } from "./slot-renewal.js";
import { createLeases, isLeased, type Leased } from "./leases.js";
import type { ParsedOptions } from "../options.js";
import type { Asked } from "./rules.js";
import type { Decision, RefundRequest, HeldSlot, Slot, RuleStatus, ConsumeRequest, ConsumeResult } from "../types.js";

/** Asks the store as seldom as the rules allow, within its deadline, and decides by policy when it cannot answer. */
export interface Asker {
  decide(asked: Asked): Decision | Promise<Decision>;
  /** Publishes a decision that was made without asking. */
  tell(tenantId: string, decision: Decision): void;
  /** The slot of a question whose decision this is. */
  hold(asked: Asked, decision: Decision): Slot;
  give(give: RefundRequest, decidedBy: Decision["decidedBy"]): Promise<void>;
  reset(take: ConsumeRequest): Promise<void>;
  close(): void;
}

/** How often a question waits for units that another has asked for, before it asks for itself. */
const MAX_WAITS = 8;

export function createAsker(options: ParsedOptions): Asker {
  const { name, store, timeoutMs, denialCacheMs, clock } = options;
  const inTime = createDeadline(timeoutMs);
  const policies = createFailurePolicies(options);
  // A store that answers at once is asked at once: to remember would cost as much.
  const isRemote = store.settlesWithinMs !== 0;
  const denials = isRemote && denialCacheMs > 0 ? createDenials({ clock, maxMs: denialCacheMs }) : undefined;
  const leases = createLeases(clock);

  /** An answer within the deadline. A store that says "at once" and gives a promise has no deadline of its own. */
  function answered<T>(answer: T | Promise<T>): T | Promise<T> {
    if (!(answer instanceof Promise) || store.settlesWithinMs) return answer;
    return inTime(answer, "the rate limit store");
  }

  function settle(asked: Asked, taken: ConsumeResult, by: "store" | "lease" = "store"): Decision {
    if (taken.allowed && asked.take.cost > 0) policies.record(asked.take);
    return told(asked, decisionOf(asked, taken, by));
  }

  function tell(tenantId: string, decision: Decision): void {
    requestDecide.publish(() => ({ limiter: name, tenantId, group: decision.group, decision }));
  }

  function told({ take: { tenantId } }: Asked, decision: Decision): Decision {
    tell(tenantId, decision);
    return decision;
  }

  /** Checks an answer of the store, and remembers a refusal. */
  function checked(ask: ConsumeRequest, taken: ConsumeResult, sentAt: number): ConsumeResult {
    checkTaken(taken, ask);
    if (!taken.allowed && ask.cost > 0) denials?.note(ask, taken, sentAt);
    return taken;
  }

  const sentNow = (): number => (denials === undefined ? 0 : clock.monotonic());

  /** With one promise at the most: each more costs as much as the rest of a decision. */
  function byStore(asked: Asked): Decision | Promise<Decision> {
    const { take } = asked;
    const sentAt = sentNow();
    const failed = (error: unknown): Decision => told(asked, policies.decide(asked, error));
    try {
      const answer = answered(store.consume(take));
      if (!(answer instanceof Promise)) return settle(asked, checked(take, answer, sentAt));
      const arrived = (taken: ConsumeResult): Decision => {
        try {
          return settle(asked, checked(take, taken, sentAt));
        } catch (error) {
          return failed(error);
        }
      };
      return answer.then(arrived, failed);
    } catch (error) {
      return failed(error);
    }
  }

  /** A question that waited may have been refused for others meanwhile. */
  async function again(asked: Asked, until: Promise<unknown>, waits: number): Promise<Decision> {
    // When that failed, the others ask together: one deadline each, and not one after the other.
    const answered = (await until) !== undefined;
    const refused = denials?.find(asked);
    return refused === undefined ? byLease(asked, answered ? waits + 1 : MAX_WAITS) : told(asked, refused);
  }

  function byLease(asked: Asked, waits: number): Decision | Promise<Decision> {
    const leased = leases.take(asked.take, waits < MAX_WAITS);
    if (leased.kind === "taken") return settle(asked, leased.taken, "lease");
    if (leased.kind === "wait") return again(asked, leased.until, waits);
    return partly(asked, leased);
  }

  /** Asks for what no lease covers. */
  async function partly(asked: Asked, { take, merge }: Leased & { kind: "ask" }): Promise<Decision> {
    const sentAt = sentNow();
    const answer = async (): Promise<ConsumeResult> => checked(take, await answered(store.consume(take)), sentAt);
    try {
      return settle(asked, await merge(answer()));
    } catch (error) {
      return told(asked, policies.decide(asked, error));
    }
  }

  const holders = createHolders({
    limiter: name,
    clock,
    renew: async (held) => (await answered(store.consume({ ...held, cost: 1 }))).allowed,
    release: async (held) => answered(store.release(held)),
    onError: policies.report,
  });

  /** A question that was given up may still have been carried out: then the slot is taken in the store after all. */
  async function releaseAnywhere(held: HeldSlot): Promise<void> {
    policies.release(held);
    try {
      await answered(store.release(held));
    } catch (error) {
      policies.report(held.tenantId, error);
    }
  }

  async function orStoreError(what: string, work: () => unknown): Promise<void> {
    try {
      await work();
    } catch (cause) {
      throw new StoreError(`the rate limit store could not ${what}`, { cause });
    }
  }

  return {
    tell,
    decide(asked) {
      const refused = denials?.find(asked);
      if (refused !== undefined) return told(asked, refused);
      return isRemote && isLeased(asked.take) ? byLease(asked, 0) : byStore(asked);
    },
    hold(asked, decision) {
      const { tenantId, slot = "" } = asked.take;
      const charges = asked.take.charges.filter(({ rule }) => rule.algorithm === "concurrency");
      const held: HeldSlot = { tenantId, slot, charges };
      if (!decision.allowed || charges.length === 0) return slotOf(decision, neverLost(), async () => {});
      if (decision.decidedBy === "store") return holders.hold(decision, held);
      return slotOf(decision, neverLost(), () => releaseAnywhere(held));
    },
    async give(give, decidedBy) {
      denials?.forget(give);
      if (decidedBy === "lease") leases.give(give);
      else if (decidedBy === "store") await orStoreError("give back", () => answered(store.refund(give)));
      denials?.forget(give);
    },
    async reset(take) {
      denials?.forget(take);
      await orStoreError("reset", () => answered(store.reset(take)));
      denials?.forget(take);
    },
    close: holders.close,
  };
}

/** The signal of a slot that cannot be lost. One for each: listeners on a shared one would stay for ever. */
const neverLost = (): AbortSignal => new AbortController().signal;

/** What a store answers decides who gets in: anything but a decision is a failure of the store. */
function checkTaken(taken: ConsumeResult, { charges }: ConsumeRequest): void {
  const { allowed, statuses } = taken;
  let isSound = typeof allowed === "boolean" && statuses.length === charges.length;
  for (let i = 0; i < statuses.length; i++) isSound &&= isStanding(statuses[i] as RuleStatus, charges[i]?.want ?? 0);
  if (isSound) return;
  throw new StoreError(`the store answered ${describeValue(taken)} to a question with ${charges.length} charges`);
}

function isStanding({ remaining, resetMs, retryAfterMs, granted = 0 }: RuleStatus, want: number): boolean {
  return isAmount(remaining) && isAmount(resetMs) && isAmount(retryAfterMs) && isAmount(granted) && granted <= want;
}

const isAmount = (value: unknown): boolean => typeof value === "number" && value >= 0;
