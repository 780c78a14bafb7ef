import { StoreError } from "@scale/core";
import { keySegment, keySegmentText } from "@scale/core/kit";
import type { ScriptCall } from "@scale/core/redis";
import { checkCommit, checkConsume, checkReserve } from "../check-input.js";
import { conflictOf, parametersOf } from "../idempotency.js";
import { DEFAULT_THRESHOLDS, newlyReached, thresholdUnits, toPart, toPoints } from "../../plan/thresholds.js";
import { MAX_UNITS } from "../../plan/units.js";
import type { Period } from "../../types.js";
import {
  type CancelInput,
  type ChangesOutcome,
  type CommitInput,
  type CommitOutcome,
  type ConsumeInput,
  KEEP_CALL_MS,
  type ReleaseInput,
  type ReserveInput,
  type UsageChange,
} from "../store.js";
import { type Count, countOf, type RedisUsageContext } from "./context.js";
import { recordKey } from "./keys.js";

/** Keys and arguments of a script, and the counts that they are for. */
export interface ScriptCalls extends ScriptCall {
  readonly counts: readonly Count[];
}

/** A reply of a script: numbers and strings. */
export type Reply = readonly unknown[];

/** A reserve or a consume, with the name of the call. */
export type ChangesInput = ConsumeInput & { readonly call: string; readonly ttlMs?: number };

/** @throws {TypeError} for input that no store accepts */
export function reserveCall(context: RedisUsageContext, input: ReserveInput & ChangesInput): ScriptCalls {
  checkReserve(input);
  return changesCall(context, input);
}

/** @throws {TypeError} for input that no store accepts */
export function consumeCall(context: RedisUsageContext, input: ChangesInput): ScriptCalls {
  checkConsume(input);
  return changesCall(context, input);
}

function changesCall(context: RedisUsageContext, input: ChangesInput): ScriptCalls {
  const { tenantId, id = "", call, ttlMs = 0, changes } = input;
  const counts = changes.map((change) => countOf(context, { ...change, tenantId }));
  const args = changes.flatMap((change, i) => [
    ...[keySegment(change.metric), String(change.units), maxOf(change), counts[i]?.keptMs ?? "", textOf(change.period)],
    ...thresholdsOf(change, true),
  ]);
  const keepMs = input.id === undefined ? KEEP_CALL_MS : ttlMs + context.rememberMs;
  return {
    counts,
    keys: [...counts.flatMap(({ keys }) => [keys.state, keys.holds]), recordOf(context, input)],
    args: [
      ...[context.now(), keySegment(id), String(ttlMs), String(keepMs), hasLedger(context)],
      ...[keySegment(call), parametersOf(ttlMs === 0 ? "consume" : "reserve", changes), ...args],
    ],
  };
}

/** @throws {IdempotencyError} when the id stands for other work */
export function outcomeOfChanges({ id = "", ttlMs = 0, changes }: ChangesInput, reply: Reply): ChangesOutcome {
  const code = Number(reply[0]);
  if (code === -2) throw new StoreError("the call was cancelled before Redis carried it out");
  if (code === -3) throw conflictOf(id, String(reply[1]), parametersOf(ttlMs === 0 ? "consume" : "reserve", changes));
  return {
    admitted: code === 1,
    changes: changes.map((change, i) => {
      const [status = 0, used = 0, held = 0, before = 0] = reply.slice(i * 4 + 1, i * 4 + 5).map(Number);
      const period = periodOf(reply[changes.length * 4 + 1 + i]) ?? change.period;
      const isUse = code === 1 && status === 1 && ttlMs === 0;
      const reached = isUse ? newlyReached(toPart(before), used, change) : [];
      return { metric: change.metric, period, admitted: status > 0, repeated: status === 2, used, held, reached };
    }),
  };
}

/** @throws {TypeError} for input that no store accepts */
export function commitCall(context: RedisUsageContext, input: CommitInput): ScriptCalls {
  checkCommit(input);
  const { id, units, over, metric, period } = input;
  const count = countOf(context, input);
  return {
    counts: [count],
    keys: [count.keys.state, count.keys.holds, recordOf(context, input)],
    args: [
      ...[context.now(), keySegment(id), String(units), over, maxOf(input), count.keptMs, String(context.rememberMs)],
      ...[hasLedger(context), keySegment(metric), textOf(period), ...thresholdsOf(input, false)],
    ],
  };
}

export function outcomeOfCommit(input: CommitInput, reply: Reply): CommitOutcome {
  const [status = 0, recorded = 0, used = 0, held = 0, late = 0, before = 0] = reply.map(Number);
  const reached = status === 1 && recorded > 0 ? newlyReached(toPart(before), used, input) : [];
  return { committed: status > 0, repeated: status === 2, late: late === 1, recorded, used, held, reached };
}

// Ids pass through `keySegment`: UTF-8 would make the same character of every lone surrogate, and merge two ids.
export function releaseCall(context: RedisUsageContext, input: ReleaseInput): ScriptCall {
  const { id, call = "", metric } = input;
  const { state, holds } = countOf(context, input).keys;
  const args = [context.now(), keySegment(id), String(context.rememberMs), keySegment(metric), keySegment(call)];
  return { keys: [state, holds, recordOf(context, input)], args };
}

export function cancelCall(context: RedisUsageContext, input: CancelInput): ScriptCalls {
  const { tenantId, id = "", call, changes } = input;
  const counts = changes.map((change) => countOf(context, { ...change, tenantId }));
  const keepMs = input.id === undefined ? KEEP_CALL_MS : context.rememberMs;
  return {
    counts,
    keys: [...counts.flatMap(({ keys }) => [keys.state, keys.holds]), recordOf(context, input)],
    args: [
      ...[keySegment(id), keySegment(call), String(keepMs)],
      ...changes.flatMap(({ metric, units, period }) => [keySegment(metric), String(units), textOf(period)]),
    ],
  };
}

const recordOf = (
  { prefix }: RedisUsageContext,
  { tenantId, id, call = "" }: Pick<ConsumeInput, "tenantId" | "id" | "call">,
): string => recordKey(prefix, { tenantId, id, call });

const textOf = ({ startsAt, endsAt, key }: Period): string => `${startsAt} ${endsAt} ${keySegment(key)}`;

/** The period in a reply; `undefined` for the period of the call. */
function periodOf(text: unknown): Period | undefined {
  const [startsAt, endsAt, key] = typeof text === "string" ? text.split(" ") : [];
  return key === undefined
    ? undefined
    : { key: keySegmentText(key), startsAt: Number(startsAt), endsAt: Number(endsAt) };
}

const maxOf = ({ max }: Pick<UsageChange, "max">): string => String(Math.min(max, MAX_UNITS));

/** Arguments of the scripts: units and part of each threshold. */
function thresholdsOf({ limit, thresholds = DEFAULT_THRESHOLDS }: UsageChange, withCount: boolean): string[] {
  const args = thresholds.flatMap((part) => [String(thresholdUnits(limit, part)), String(toPoints(part))]);
  return withCount ? [String(thresholds.length), ...args] : args;
}

const hasLedger = ({ ledger }: RedisUsageContext): string => (ledger === undefined ? "0" : "1");
