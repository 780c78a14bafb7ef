import { describeValue, joinKey, keySegment, keySegmentText } from "@scale/core/kit";
import { IdempotencyError } from "../errors.js";
import type { UsageChange } from "./store.js";

/** Parameters that an id stands for, as a string: the same for the same kind of call, metrics and units, in any order. */
export function parametersOf(
  kind: "reserve" | "consume",
  changes: readonly Pick<UsageChange, "metric" | "units">[],
): string {
  const [first, ...rest] = changes;
  // Every call with an id asks, and most have one metric.
  if (first !== undefined && rest.length === 0) return `${kind}:${keySegment(first.metric)}=${first.units}`;
  return joinKey([kind, ...changes.map(({ metric, units }) => `${metric}=${units}`).toSorted()]);
}

/** Error for an id whose units are held or used with other parameters: results of `parametersOf`. */
export function conflictOf(id: string, first: string, now: string): IdempotencyError {
  return new IdempotencyError(
    `id ${describeValue(id)}: expected the call that it was first used for, ${textOf(first)}, got ${textOf(now)}: ` +
      "use another id for other work",
  );
}

/** `reserve tokens=10 calls=1` */
const textOf = (parameters: string): string => parameters.split(":").map(keySegmentText).join(" ");

let calls = 0;
const PROCESS = crypto.randomUUID().slice(0, 13);

/** Name for a call, unlike that of any other call of any process. */
export function newCall(): string {
  return `${PROCESS}${(calls++).toString(36)}`;
}
