import { describeValue, functionOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { CheckOptions, HealthCheck } from "../types.js";

export interface QueueCheckOptions extends CheckOptions {
  /** Number of waiting jobs from which on the check warns. @default 1000 */
  readonly warnAtDepth?: number;
}

type Depth = () => number | PromiseLike<number>;

const optionsSchema = z.strictObject({
  depth: functionOption<Depth>("a function that returns the number of waiting jobs"),
  warnAtDepth: z.number().min(1).default(1_000),
});

/**
 * Reads how many jobs wait, with the call of any queue: `queueCheck(() => queue.getWaitingCount())` for BullMQ. It fails when
 * the queue does not answer, and warns when too many jobs wait.
 */
export function queueCheck(depth: Depth, options: QueueCheckOptions = {}): HealthCheck {
  const { warnAtDepth: given, ...common } = options;
  const { warnAtDepth } = parseOptions(optionsSchema, { depth, warnAtDepth: given }, "queueCheck");
  return {
    name: "queue",
    group: "queues",
    ...common,
    async run() {
      const waiting: unknown = await depth();
      if (typeof waiting !== "number" || !Number.isFinite(waiting)) {
        throw new TypeError(`expected the number of waiting jobs, got ${describeValue(waiting)}`);
      }
      const observed = { observedValue: waiting, observedUnit: "jobs" };
      if (waiting < warnAtDepth) return { status: "pass", ...observed };
      return { status: "warn", ...observed, output: `${waiting} jobs wait` };
    },
  };
}
