import { type RateLimitRule, StoreError } from "@scale/core";
import { integersOf } from "@scale/core/redis";
import { gcraStatus } from "../algorithms/gcra.js";
import type { ConsumeRequest, ConsumeResult, RuleStatus } from "../types.js";

/** True for a request that the GCRA scripts can decide. */
export function isGcraOnly({ charges, force }: ConsumeRequest): boolean {
  for (const { rule, want } of charges) {
    if (rule.algorithm !== "gcra" || rule.shadow || want !== undefined || rule.block !== undefined) return false;
  }
  return force === undefined;
}

/** @throws {StoreError} for a reply that `consume-gcra-request.lua` does not give */
export function decodeGcraRequest({ charges, cost }: ConsumeRequest, reply: unknown): ConsumeResult {
  const figures = integersOf(reply);
  if (figures?.length !== charges.length + 2) throw unexpectedReply();
  const [nowUs = 0, status] = figures;
  const allowed = status === 1;
  const refused = allowed ? 0 : Math.max(cost, 1);
  const statuses = charges.map(({ rule }, i) => statusFromLevel(rule, figures[i + 2] as number, refused));
  return { allowed, atMs: nowUs / 1000, statuses };
}

/** The scripts multiply the used share of a burst by this, because Redis truncates numbers in replies to integers. */
const LEVEL_SCALE = 2 ** 52;

/** @param refused units of a request that was denied as a whole; 0 when it was allowed */
export function statusFromLevel(rule: RateLimitRule, level: number, refused: number): RuleStatus {
  return gcraStatus(rule, (level / LEVEL_SCALE) * rule.burst, refused);
}

export const unexpectedReply = (): StoreError =>
  new StoreError("Redis: expected the reply of the rate limit script, got another: does a proxy change replies?");
