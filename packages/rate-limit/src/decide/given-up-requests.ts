import { randomUUID } from "node:crypto";
import type { Clock, RateLimitRule } from "@scale/core";
import { wasNotSent } from "@scale/core/kit";
import type { Charge, ConsumeRequest, ConsumeResult, HeldSlot, RuleStatus } from "../types.js";
import type { DenialCache } from "./denial-cache.js";
import type { StoreClient } from "./store-client.js";
import type { UndoQueue } from "./undo-queue.js";

/** Requests that the store did not answer in time. It may still carry them out, when no caller waits for them any more. */
export interface GivenUpRequests {
  /**
   * Takes back the charge of a late answer: the slot and the units of a request that was refused, and units that were
   * granted in advance. A request that was admitted by policy keeps its units, because it runs.
   */
  add(request: ConsumeRequest, error: unknown, isAdmitted: boolean): void;
  /** False for a failed request that was never sent: the store holds no slot for it. */
  mayHoldSlot(request: ConsumeRequest): boolean;
}

export function createGivenUpRequests(parts: {
  readonly clock: Clock;
  readonly client: StoreClient;
  readonly undo: UndoQueue;
  readonly denialCache: DenialCache | undefined;
}): GivenUpRequests {
  const { clock, client, undo, denialCache } = parts;
  const unsent = new WeakSet<ConsumeRequest>();

  function release(request: ConsumeRequest, isUncertain: boolean): void {
    const held = heldSlotOf(request);
    if (held.charges.length > 0) void undo.run(releaseTask(held, { client, clock, isUncertain }));
  }

  function refund(
    { tenantId }: ConsumeRequest,
    units: number,
    { charged, atMs }: { readonly charged: readonly ChargedRule[]; readonly atMs: number },
  ): void {
    const charges = charged.map(({ charge }) => charge);
    const statuses = charged.map(({ status }) => status);
    const id = randomUUID();
    const request = { id, tenantId, units, charges, consumed: { allowed: true, atMs, statuses } };
    const until = clock.monotonic() + Math.max(...statuses.map(({ resetMs }) => resetMs));
    const run = async (): Promise<void> => {
      await client.refund(request);
      denialCache?.invalidate(request);
    };
    void undo.run({ run, until, isUncertain: false });
  }

  function takeBack(request: ConsumeRequest, result: ConsumeResult, isAdmitted: boolean): void {
    const { atMs } = result;
    const charged = chargedUnits(request, result);
    // The last in are the first out, as the statuses describe the count with all of them.
    for (const one of charged) {
      const { granted = 0 } = one.status;
      if (granted > 0) refund(request, granted, { charged: [one], atMs });
    }
    if (isAdmitted) return;
    release(request, false);
    if (charged.length > 0) refund(request, request.cost, { charged: charged.map(withoutGrant), atMs });
  }

  return {
    add(request, error, isAdmitted) {
      if (wasNotSent(error)) {
        unsent.add(request);
        return;
      }
      if (request.cost === 0) return;
      client.whenLate(request, (result) => {
        if (result.allowed) takeBack(request, result, isAdmitted);
      });
      if (!isAdmitted) release(request, true);
    },
    mayHoldSlot: (request) => !unsent.has(request),
  };
}

interface ChargedRule {
  readonly charge: Charge;
  readonly status: RuleStatus;
}

/** The rules that count units and were charged: a rule in shadow that refused was not. */
function chargedUnits({ charges }: ConsumeRequest, { statuses }: ConsumeResult): readonly ChargedRule[] {
  return charges.flatMap((charge, i) => {
    const status = statuses[i] as RuleStatus;
    return charge.rule.algorithm === "concurrency" || status.retryAfterMs > 0 ? [] : [{ charge, status }];
  });
}

/** Units leave a bucket in the order they came: without the granted units, it would have been empty sooner. */
function withoutGrant({ charge, status }: ChargedRule): ChargedRule {
  const { granted = 0, resetMs } = status;
  return { charge, status: { ...status, resetMs: Math.max(0, resetMs - granted * msPerUnit(charge.rule)) } };
}

const msPerUnit = ({ algorithm, windowMs, limit }: RateLimitRule): number =>
  algorithm === "gcra" ? windowMs / limit : 0;

/** The slot of a request, with no charges for one that takes none. */
export function heldSlotOf({ tenantId, slot = "", charges }: ConsumeRequest): HeldSlot {
  return {
    tenantId,
    slot,
    charges: slot === "" ? [] : charges.filter(({ rule }) => rule.algorithm === "concurrency"),
  };
}

/** Milliseconds after which a slot that is not renewed is free again under the first of its rules. */
export const ttlOf = ({ charges }: HeldSlot): number => Math.min(...charges.map(({ rule }) => rule.windowMs));

/** The release of a slot, which matters until the slot expires under the last of its rules. */
export function releaseTask(
  held: HeldSlot,
  { client, clock, isUncertain }: { client: StoreClient; clock: Clock; isUncertain: boolean },
): { run(): void | Promise<void>; until: number; isUncertain: boolean } {
  const longestMs = Math.max(...held.charges.map(({ rule }) => rule.windowMs));
  return { run: () => client.release(held), until: clock.monotonic() + longestMs, isUncertain };
}
