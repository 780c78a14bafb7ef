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

/** A reserve or a consume, with the name of the call. */
export type ChangesInput = ConsumeInput & { readonly call: string; readonly ttlMs?: number };

/**
 * A call of reserve.lua.
 * @throws {TypeError} for input that no store accepts
 */
export function reserveCall(context: RedisUsageContext, input: ReserveInput & ChangesInput): ScriptCalls {
  checkReserve(input);
  return changesCall(context, input);
}

/**
 * A call of reserve.lua that uses units at once.
 * @throws {TypeError} for input that no store accepts
 */
export function consumeCall(context: RedisUsageContext, input: ChangesInput): ScriptCalls {
  checkConsume(input);
  return changesCall(context, input);
}

function changesCall(context: RedisUsageContext, input: ChangesInput): ScriptCalls {
  const { tenantId, id, call, ttlMs = 0, changes } = input;
  const counts: Count[] = [];
  const keys: string[] = [];
  const keepMs = id === undefined ? KEEP_CALL_MS : ttlMs + context.rememberMs;
  const args = [context.now(), keySegment(id ?? ""), String(ttlMs), String(keepMs), hasLedger(context)];
  const name = keySegment(call);
  let record = id === undefined ? "1" : `${parametersOf(kindOf(input), changes)}\n${name} \n`;
  const countArgs: string[] = [];
  for (const change of changes) {
    const count = countOf(context, { ...change, tenantId });
    const [units, metric, period] = [String(change.units), keySegment(change.metric), textOf(change.period)];
    counts.push(count);
    keys.push(count.keys.state, count.keys.holds);
    countArgs.push(units, maxOf(change), count.keptMs, thresholdsOf(change), metric, period);
    if (id !== undefined && ttlMs === 0) record += `\n${metric}:u:${units}:${units}:0:${period}`;
  }
  keys.push(recordOf(context, input));
  return { counts, keys, args: [...args, name, record, ...countArgs] };
}

const kindOf = ({ ttlMs = 0 }: ChangesInput): "consume" | "reserve" => (ttlMs === 0 ? "consume" : "reserve");

/** @throws {IdempotencyError} when the id stands for other work */
export function outcomeOfChanges(input: ChangesInput, reply: readonly unknown[]): ChangesOutcome {
  const { id = "", ttlMs = 0, changes } = input;
  const code = Number(reply[0]);
  if (code === -2) throw new StoreError("the call was cancelled before Redis carried it out");
  if (code === -3) throw conflictOf(id, String(reply[1]), parametersOf(kindOf(input), changes));
  return {
    admitted: code === 1,
    changes: changes.map((change, i) => {
      const status = Number(reply[i * 4 + 1]);
      const used = Number(reply[i * 4 + 2]);
      const held = Number(reply[i * 4 + 3]);
      const period = periodOf(reply[changes.length * 4 + 1 + i]) ?? change.period;
      const isUse = code === 1 && status === 1 && ttlMs === 0;
      const reached = isUse ? newlyReached(toPart(Number(reply[i * 4 + 4])), used, change) : [];
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
      ...[hasLedger(context), keySegment(metric), textOf(period), thresholdsOf(input)],
    ],
  };
}

export function outcomeOfCommit(input: CommitInput, reply: readonly unknown[]): CommitOutcome {
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

/** A period as an argument. Calls share the period that is running. */
function textOf(period: Period): string {
  const known = periodTexts.get(period);
  if (known !== undefined) return known;
  const text = `${period.startsAt} ${period.endsAt} ${keySegment(period.key)}`;
  periodTexts.set(period, text);
  return text;
}

const periodTexts = new WeakMap<Period, string>();

/** The period in a reply; `undefined` for the period of the call. */
function periodOf(text: unknown): Period | undefined {
  if (typeof text !== "string" || text === "") return undefined;
  const [startsAt, endsAt, key] = text.split(" ");
  return key === undefined
    ? undefined
    : { key: keySegmentText(key), startsAt: Number(startsAt), endsAt: Number(endsAt) };
}

const maxOf = ({ max }: Pick<UsageChange, "max">): string => String(Math.min(max, MAX_UNITS));

/** Argument of the scripts: units and part of each threshold. */
function thresholdsOf({ limit, thresholds = DEFAULT_THRESHOLDS }: UsageChange): string {
  const known = thresholdArgs.get(thresholds) ?? new Map<number, string>();
  const arg =
    known.get(limit) ?? thresholds.map((part) => `${thresholdUnits(limit, part)} ${toPoints(part)}`).join(" ");
  if (known.size >= MAX_LIMITS) known.clear();
  known.set(limit, arg);
  thresholdArgs.set(thresholds, known);
  return arg;
}

/** By thresholds and limit: plans have few of both, and every use needs one. */
const thresholdArgs = new WeakMap<readonly number[], Map<number, string>>();
const MAX_LIMITS = 1000;

const hasLedger = ({ ledger }: RedisUsageContext): string => (ledger === undefined ? "0" : "1");
