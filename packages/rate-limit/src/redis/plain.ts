import { type RateLimitRule, StoreError } from "@scale/core";
import { standingOf } from "../algorithms/gcra.js";
import type { Standing, Take, Taken } from "../types.js";
import { ruleArgs } from "./describe.js";

/** True for what `take.lua` and `take-one.lua` can decide. */
export function isPlain({ charges }: Take): boolean {
  for (const { rule, want } of charges) {
    if (rule.algorithm !== "gcra" || rule.shadow || want !== undefined) return false;
  }
  return true;
}

/** The arguments of `take-one.lua` after the time. */
export function encodeOne({ cost, charges }: Take): string[] {
  const args = [String(cost)];
  for (const { rule } of charges) args.push(...ruleArgs(rule));
  return args;
}

/** @throws {StoreError} for a reply that does not fit the question */
export function decodeOne({ cost, charges }: Take, reply: unknown): Taken {
  if (!isNumbers(reply) || reply.length !== charges.length + 2) {
    throw new StoreError("Redis answered something else than was asked");
  }
  const allowed = reply[1] === 1;
  const refused = allowed ? 0 : Math.max(cost, 1);
  const standings: Standing[] = [];
  for (let i = 0; i < charges.length; i++) {
    const { rule } = charges[i] as Take["charges"][number];
    standings.push(plainStanding(rule, reply[i + 2] as number, refused));
  }
  return { allowed, atMs: (reply[0] as number) / 1000, standings };
}

/** What the scripts multiply the used part of a burst with. */
const PART = 2 ** 52;

/** @param refused units that the whole request was denied, 0 when it was allowed */
export function plainStanding(rule: RateLimitRule, part: number, refused: number): Standing {
  return standingOf(rule, (part / PART) * rule.burst, refused);
}

export const isNumbers = (reply: unknown): reply is readonly number[] =>
  Array.isArray(reply) && reply.every((figure) => typeof figure === "number");
