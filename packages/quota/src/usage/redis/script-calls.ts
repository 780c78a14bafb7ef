import { keySegment } from "@scale/core/kit";
import type { ScriptCall } from "@scale/core/redis";
import { checkCommit, checkConsume, checkReserve } from "../check-input.js";
import { MAX_UNITS } from "../../plan/units.js";
import { thresholdsOf, thresholdUnits } from "../../plan/thresholds.js";
import type {
  ChangesOutcome,
  CommitInput,
  CommitOutcome,
  ConsumeInput,
  ReserveInput,
  UsageAddress,
  UsageChange,
} from "../store.js";
import { type Count, countOf, type RedisUsageContext } from "./context.js";

/** Keys and arguments of a script, and the counts that they are for. */
export interface ScriptCalls extends ScriptCall {
  readonly counts: readonly Count[];
}

/** @throws {TypeError} for input that no store accepts */
export function reserveCall(context: RedisUsageContext, input: ReserveInput): ScriptCalls {
  checkReserve(input);
  return changesCall(context, input);
}

/** @throws {TypeError} for input that no store accepts */
export function consumeCall(context: RedisUsageContext, input: ConsumeInput): ScriptCalls {
  checkConsume(input);
  return changesCall(context, { ...input, id: input.id ?? "", ttlMs: 0 });
}

function changesCall(context: RedisUsageContext, { tenantId, id, ttlMs, changes }: ReserveInput): ScriptCalls {
  const counts = changes.map((change) => countOf(context, { ...change, tenantId }));
  const args = changes.flatMap((change, i) => [String(change.units), ...boundsOf(change), counts[i]?.keptMs ?? ""]);
  const keepMs = String(ttlMs + context.rememberMs);
  return {
    counts,
    keys: counts.flatMap(({ keys }) => [keys.state, keys.holds, keys.record(id)]),
    args: [context.now(), keySegment(id), String(ttlMs), keepMs, hasLedger(context), ...args],
  };
}

export function outcomeOfChanges(changes: readonly UsageChange[], reply: readonly number[]): ChangesOutcome {
  return {
    admitted: reply[0] === 1,
    changes: changes.map(({ metric }, i) => {
      const [status = 0, used = 0, held = 0, bits = 0] = reply.slice(i * 4 + 1, i * 4 + 5);
      return { metric, admitted: status > 0, repeated: status === 2, used, held, reached: thresholdsOf(bits) };
    }),
  };
}

/** @throws {TypeError} for input that no store accepts */
export function commitCall(context: RedisUsageContext, input: CommitInput): ScriptCalls {
  checkCommit(input);
  const { id, units, over } = input;
  const count = countOf(context, input);
  const [max = "", ...thresholds] = boundsOf(input);
  const { state, holds, record } = count.keys;
  return {
    counts: [count],
    keys: [state, holds, record(id)],
    args: [
      ...[context.now(), keySegment(id), String(units), over, max, ...thresholds],
      ...[count.keptMs, String(context.rememberMs), hasLedger(context)],
    ],
  };
}

export function outcomeOfCommit(reply: readonly number[]): CommitOutcome {
  const [status = 0, recorded = 0, used = 0, held = 0, late = 0, bits = 0] = reply;
  const outcome = { committed: status > 0, repeated: status === 2, late: late === 1 };
  return { ...outcome, recorded, used, held, reached: thresholdsOf(bits) };
}

// Ids pass through `keySegment`: UTF-8 would make the same character of every lone surrogate, and merge two ids.
export function releaseCall(
  context: RedisUsageContext,
  { id, ...address }: UsageAddress & { readonly id: string },
): ScriptCall {
  const { state, holds, record } = countOf(context, address).keys;
  return { keys: [state, holds, record(id)], args: [context.now(), keySegment(id), String(context.rememberMs)] };
}

/** Arguments of the scripts: the units that are admitted, and the units at which thresholds are reached. */
const boundsOf = ({ limit, max }: Pick<UsageChange, "limit" | "max">): readonly string[] =>
  [Math.min(max, MAX_UNITS), ...thresholdUnits(limit)].map((units) => String(Math.min(units, MAX_UNITS + 1)));

const hasLedger = ({ ledger }: RedisUsageContext): string => (ledger === undefined ? "0" : "1");
