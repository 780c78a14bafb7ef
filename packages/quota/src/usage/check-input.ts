import { joinKey, MAX_ID_LENGTH, describeValue } from "@scale/core/kit";
import type { CommitInput } from "../types.js";
import { checkUnits } from "../plan/units.js";
import { MAX_HOLD_MS, type ReserveAllInput, type UsageCharge, type UseAllInput } from "./store.js";

/** @throws {TypeError} for what no store can be asked */
export function checkReserve(input: ReserveAllInput): void {
  checkId(input.id);
  checkTtl(input.ttlMs);
  checkCharges(input.charges);
}

/** @throws {TypeError} for what no store can be asked */
export function checkUse({ id, charges }: UseAllInput): void {
  if (id !== undefined) checkId(id);
  checkCharges(charges);
}

/** @throws {TypeError} for what no store can be asked */
export function checkCommit({ id, units, metric }: CommitInput): void {
  checkId(id);
  checkUnits(units, metric);
}

function checkCharges(charges: readonly UsageCharge[]): void {
  for (const { units, metric } of charges) checkUnits(units, metric);
  const distinct = new Set(charges.map(({ metric, period }) => joinKey([metric, period.key]))).size;
  if (distinct > 0 && distinct === charges.length) return;
  const metrics = charges.map(({ metric }) => metric);
  throw new TypeError(`charges: expected at least one, and no metric twice, got ${describeValue(metrics)}`);
}

function checkId(id: unknown): void {
  if (typeof id === "string" && id !== "" && id.length <= MAX_ID_LENGTH) return;
  throw new TypeError(`id: expected a text of 1 to ${MAX_ID_LENGTH} characters, got ${describeValue(id)}`);
}

function checkTtl(ttlMs: number): void {
  if (Number.isInteger(ttlMs) && ttlMs >= 1 && ttlMs <= MAX_HOLD_MS) return;
  throw new TypeError(`ttlMs: expected a whole number from 1 to ${MAX_HOLD_MS}, got ${describeValue(ttlMs)}`);
}
