import { describeValue, MAX_ID_LENGTH } from "@scale/core/kit";
import { checkUnits } from "../plan/units.js";
import {
  type CommitInput,
  type ConsumeInput,
  type CreditInput,
  MAX_HOLD_MS,
  type ReserveInput,
  type UsageChange,
} from "./store.js";

/** @throws {TypeError} for input that no store accepts */
export function checkReserve(input: ReserveInput): void {
  checkId(input.id);
  checkTtl(input.ttlMs);
  checkChanges(input.changes);
}

/** @throws {TypeError} for input that no store accepts */
export function checkConsume({ id, changes }: ConsumeInput): void {
  if (id !== undefined) checkId(id);
  checkChanges(changes);
}

/** @throws {TypeError} for input that no store accepts */
export function checkCommit({ id, units, metric }: CommitInput): void {
  checkId(id);
  checkUnits(units, metric);
}

/** @throws {TypeError} for input that no store accepts */
export function checkCredit({ id, units, metric }: CreditInput): void {
  checkId(id);
  checkUnits(units, metric);
}

function checkChanges(changes: readonly UsageChange[]): void {
  for (const { units, metric } of changes) checkUnits(units, metric);
  const distinct = new Set(changes.map(({ metric }) => metric)).size;
  if (distinct > 0 && distinct === changes.length) return;
  const metrics = changes.map(({ metric }) => metric);
  throw new TypeError(`changes: expected at least one, and no metric twice, got ${describeValue(metrics)}`);
}

function checkId(id: unknown): void {
  if (typeof id === "string" && id !== "" && id.length <= MAX_ID_LENGTH) return;
  throw new TypeError(`id: expected a string of 1 to ${MAX_ID_LENGTH} characters, got ${describeValue(id)}`);
}

function checkTtl(ttlMs: number): void {
  if (Number.isInteger(ttlMs) && ttlMs >= 1 && ttlMs <= MAX_HOLD_MS) return;
  throw new TypeError(`ttlMs: expected an integer from 1 to ${MAX_HOLD_MS}, got ${describeValue(ttlMs)}`);
}
