import { z } from "zod";
import { systemTimerClock } from "../clock.js";
import { StoreError } from "@scale/core";
import type { LeaseAbort } from "../lease-abort.js";
import type { Settlement, SettleOutcome } from "../store.js";
import type { StoredJob } from "../types.js";
import type { FunctionCalls } from "./calls.js";
import { type JobRow, parseJob } from "./rows.js";

/** A job that a consumer runs. */
export interface Run {
  readonly job: StoredJob;
  readonly lease: string;
  readonly abort: LeaseAbort;
  /** Monotonic time at which the lease ends unless it is renewed. */
  endsAtMs: number;
}

/** A run that has ended, to be settled with the next turn. */
export interface EndedRun {
  readonly run: Run;
  readonly settlement: Settlement;
  /** Monotonic time. */
  readonly endedAtMs: number;
  /** True after a turn that may have settled it without an answer. */
  isUncertain: boolean;
  /** True when the worker was told of it. */
  isSettled: boolean;
}

export interface TurnInput {
  readonly name: string;
  readonly owner: string;
  readonly charge: "count" | "time";
  readonly leaseMs: number;
  readonly ended: readonly EndedRun[];
  /** Maximum jobs to lease. */
  readonly max: number;
  /** Leases that the consumer knows of, when a turn may have leased others to it without an answer. */
  readonly held: readonly string[] | undefined;
  /** Number of finished jobs to keep, when that is so low that each turn removes the others. */
  readonly trimTo: number | undefined;
}

export interface TurnResult {
  /** In the order of `ended`. */
  readonly outcomes: readonly SettleOutcome[];
  readonly leased: readonly (JobRow & { readonly lease: string })[];
}

const outcomeText: z.ZodType<SettleOutcome> = z.enum(["applied", "cancelled", "lost"]);

/** One call that settles the runs that have ended, and leases as many jobs as there is room for. */
export async function takeTurn(call: FunctionCalls, input: TurnInput): Promise<TurnResult> {
  const { name, owner, charge, leaseMs, ended, max, held, trimTo } = input;
  const text = JSON.stringify({
    ...{ charge, leaseMs, max, held, ended: ended.map(settlementOf) },
    ...(ended.length > 0 && { trimTo }),
  });
  const rows = await call.rows("scale_queue_turn", [
    [name, "text"],
    [owner, "uuid"],
    [text, "text"],
  ]);
  const nowMs = systemTimerClock.now();
  return {
    outcomes: rows.slice(0, ended.length).map((row) => outcomeText.parse(row)),
    leased: rows.slice(ended.length).map((row) => leasedJob(row, nowMs)),
  };
}

function settlementOf({ run, settlement }: EndedRun): object {
  const failure = "failure" in settlement ? { failure: JSON.stringify(settlement.failure) } : {};
  return { ...settlement, ...failure, id: run.job.id, lease: run.lease };
}

function leasedJob(text: string, nowMs: number): JobRow & { readonly lease: string } {
  const { job, lease } = parseJob(text, nowMs);
  if (lease === undefined) throw new StoreError("expected a lease of the job from Postgres, got none");
  return { job, lease };
}
