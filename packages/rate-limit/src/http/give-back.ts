import { booleanResult, checkedCallback, describeValue } from "@scale/core/kit";
import type { ResponseEnd } from "@scale/http";
import { refundFail } from "../events.js";
import type { GuardedDecision } from "./request-log.js";

/** Requests that stay charged, by the end of their response. */
export type ChargeWhen = "successful" | "failed" | ((end: ResponseEnd) => boolean | Promise<boolean>);

const isFailure = ({ status = 0 }: ResponseEnd): boolean => status >= 400;

/**
 * Parses the option to a function that decides whether a request stays charged. A response that was not sent to its end stays charged in both forms: otherwise a client would get its
 * units back by disconnecting early.
 */
export function outcomeOf(chargeWhen: ChargeWhen | undefined): Exclude<ChargeWhen, string> | undefined {
  if (chargeWhen === undefined) return undefined;
  if (chargeWhen === "successful") return (end) => !end.complete || !isFailure(end);
  if (chargeWhen === "failed") return (end) => !end.complete || isFailure(end);
  return checkedCallback(chargeWhen, booleanResult("rateLimitGuard: chargeWhen"));
}

/**
 * Refunds a request whose outcome is not charged, after its response. No request waits for it, and it never rejects: a refund
 * that fails is published, and the units stay charged.
 */
export async function giveBackUnlessCharged(
  request: Omit<GuardedDecision, "policyOf">,
  isCharged: Exclude<ChargeWhen, string>,
  end: ResponseEnd,
): Promise<void> {
  try {
    if (!(await isCharged(end))) await giveBack(request);
  } catch (error) {
    // A mistake of the application's callback: its units stay charged.
    process.emitWarning(error instanceof Error ? error : new Error(describeValue(error)));
  }
}

/** Refunds a request. It never rejects: a refund that fails is published. */
export async function giveBack({ limiter, subject, decision }: Omit<GuardedDecision, "policyOf">): Promise<void> {
  try {
    await limiter.refund(decision);
  } catch (error) {
    refundFail.publish(() => ({ limiter: limiter.name, tenantId: subject.tenantId ?? undefined, decision, error }));
  }
}
