import { keySegment } from "@scale/core/kit";
import type { ScriptCall } from "@scale/core/redis";
import type { Bounds, CommitInput, CommitOutcome, UsageAddress } from "../../types.js";
import { checkCommit, checkReserve, checkUse } from "../check-input.js";
import { MAX_UNITS, partsOf, thresholdUnits } from "../rules.js";
import type { ChargesOutcome, ReserveAllInput, UsageCharge, UseAllInput } from "../store.js";
import { type Count, countOf, type Wiring } from "./context.js";

/** A call of a script, and the counts it is about. */
export interface Calls extends ScriptCall {
  readonly counts: readonly Count[];
  readonly limits: readonly number[];
}

/** @throws {TypeError} for what cannot be asked */
export function reserveCall(wiring: Wiring, input: ReserveAllInput): Calls {
  checkReserve(input);
  return chargesCall(wiring, input);
}

/** @throws {TypeError} for what cannot be asked */
export function useCall(wiring: Wiring, input: UseAllInput): Calls {
  checkUse(input);
  return chargesCall(wiring, { ...input, id: input.id ?? "", ttlMs: 0 });
}

function chargesCall(wiring: Wiring, { tenantId, id, ttlMs, charges }: ReserveAllInput): Calls {
  const counts = charges.map((charge) => countOf(wiring, { ...charge, tenantId }));
  const args = charges.flatMap((charge, i) => [String(charge.units), ...boundsOf(charge), counts[i]?.keptMs ?? ""]);
  return {
    counts,
    limits: charges.map(({ limit }) => limit),
    keys: counts.flatMap(({ keys }) => [keys.state, keys.holds, keys.record(id)]),
    args: [wiring.now(), named(id), String(ttlMs), String(ttlMs + wiring.rememberMs), needsEpoch(wiring), ...args],
  };
}

export function outcomeOfCharges(charges: readonly UsageCharge[], reply: readonly number[]): ChargesOutcome {
  return {
    admitted: reply[0] === 1,
    charges: charges.map(({ metric }, i) => {
      const [status = 0, used = 0, held = 0, bits = 0] = reply.slice(i * 4 + 1, i * 4 + 5);
      return { metric, admitted: status > 0, repeated: status === 2, used, held, reached: partsOf(bits) };
    }),
  };
}

/** @throws {TypeError} for what cannot be asked */
export function commitCall(wiring: Wiring, input: CommitInput): Calls {
  checkCommit(input);
  const { id, units, over, limit } = input;
  const count = countOf(wiring, input);
  const [max = "", ...thresholds] = boundsOf(input);
  const { state, holds, record } = count.keys;
  return {
    counts: [count],
    limits: [limit],
    keys: [state, holds, record(id)],
    args: [
      ...[wiring.now(), named(id), String(units), over, max, ...thresholds],
      ...[count.keptMs, String(wiring.rememberMs), needsEpoch(wiring)],
    ],
  };
}

export function outcomeOfCommit(reply: readonly number[]): CommitOutcome {
  const [status = 0, recorded = 0, used = 0, held = 0, late = 0, bits = 0] = reply;
  const outcome = { committed: status > 0, repeated: status === 2, late: late === 1 };
  return { ...outcome, recorded, used, held, reached: partsOf(bits) };
}

export function releaseCall(wiring: Wiring, { id, ...address }: UsageAddress & { readonly id: string }): ScriptCall {
  const { state, holds, record } = countOf(wiring, address).keys;
  return { keys: [state, holds, record(id)], args: [wiring.now(), named(id), String(wiring.rememberMs)] };
}

/** An id among the holds, told apart from every other: UTF-8 makes the same character of every lone surrogate. */
const named = keySegment;

/** What is admitted, and from where on thresholds are reached, as scripts take them. */
const boundsOf = ({ limit, max }: Bounds): readonly string[] =>
  [Math.min(max, MAX_UNITS), ...thresholdUnits(limit)].map((units) => String(Math.min(units, MAX_UNITS + 1)));

const needsEpoch = ({ ledger }: Wiring): string => (ledger === undefined ? "0" : "1");
