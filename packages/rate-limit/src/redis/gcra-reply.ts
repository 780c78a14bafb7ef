import { type RateLimitRule, StoreError } from "@scale/core";
import { gcraStatus } from "../algorithms/gcra.js";
import type { Charge, ConsumeRequest, ConsumeResult, RuleStatus } from "../types.js";

/** True for a request that `consume-gcra.lua` can decide. */
export function isGcraOnly({ charges }: ConsumeRequest): boolean {
  for (const { rule, want } of charges) {
    if (rule.algorithm !== "gcra" || rule.shadow || want !== undefined) return false;
  }
  return true;
}

/** The only charge of a request that `consume-gcra-one.lua` can decide; `undefined` for any other request. */
export function singleGcraCharge(request: ConsumeRequest): Charge | undefined {
  return request.charges.length === 1 && isGcraOnly(request) ? request.charges[0] : undefined;
}

/** @throws {StoreError} for a reply that `consume-gcra-one.lua` does not give */
export function decodeGcraOne(rule: RateLimitRule, cost: number, reply: unknown): ConsumeResult {
  if (!isNumbers(reply) || reply.length !== 3) throw unexpectedReply();
  const [nowUs = 0, status, level = 0] = reply;
  const allowed = status === 1;
  return { allowed, atMs: nowUs / 1000, statuses: [statusFromLevel(rule, level, allowed ? 0 : Math.max(cost, 1))] };
}

/** The scripts multiply the used share of a burst by this, because Redis truncates numbers in replies to integers. */
const LEVEL_SCALE = 2 ** 52;

/** @param refused units of a request that was denied as a whole; 0 when it was allowed */
export function statusFromLevel(rule: RateLimitRule, level: number, refused: number): RuleStatus {
  return gcraStatus(rule, (level / LEVEL_SCALE) * rule.burst, refused);
}

export const isNumbers = (reply: unknown): reply is readonly number[] =>
  Array.isArray(reply) && reply.every((figure) => typeof figure === "number");

export const unexpectedReply = (): StoreError =>
  new StoreError("Redis: expected the reply of the rate limit script, got another: does a proxy change replies?");
