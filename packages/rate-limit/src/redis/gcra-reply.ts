import { type RateLimitRule, StoreError } from "@scale/core";
import { standingOf } from "../algorithms/gcra.js";
import type { Charge, RuleStatus, ConsumeRequest, ConsumeResult } from "../types.js";

/** True for what `take.lua` and `take-one.lua` can decide. */
export function isPlain({ charges }: ConsumeRequest): boolean {
  for (const { rule, want } of charges) {
    if (rule.algorithm !== "gcra" || rule.shadow || want !== undefined) return false;
  }
  return true;
}

/** The one charge of what `take-one.lua` can decide; `undefined` for any other question. */
export function loneCharge(take: ConsumeRequest): Charge | undefined {
  return take.charges.length === 1 && isPlain(take) ? take.charges[0] : undefined;
}

/** @throws {StoreError} for a reply of `take-one.lua` that does not fit */
export function decodeOne(rule: RateLimitRule, cost: number, reply: unknown): ConsumeResult {
  if (!isNumbers(reply) || reply.length !== 3) throw new StoreError("Redis answered something else than was asked");
  const [nowUs = 0, status, part = 0] = reply;
  const allowed = status === 1;
  return { allowed, atMs: nowUs / 1000, statuses: [plainStanding(rule, part, allowed ? 0 : Math.max(cost, 1))] };
}

/** What the scripts multiply the used part of a burst with. */
const PART = 2 ** 52;

/** @param refused units that the whole request was denied, 0 when it was allowed */
export function plainStanding(rule: RateLimitRule, part: number, refused: number): RuleStatus {
  return standingOf(rule, (part / PART) * rule.burst, refused);
}

export const isNumbers = (reply: unknown): reply is readonly number[] =>
  Array.isArray(reply) && reply.every((figure) => typeof figure === "number");
