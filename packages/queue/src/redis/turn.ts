import type { LeaseAbort } from "../lease-abort.js";
import { StoreError } from "@scale/core";
import type { Retention, SettleOutcome, Settlement } from "../store.js";
import type { StoredJob } from "../types.js";
import { readJob } from "./job-codec.js";

/** A job that a consumer runs. */
export interface Run {
  readonly segment: string;
  readonly token: string;
  readonly job: StoredJob;
  readonly controller: LeaseAbort;
  /** Monotonic time of the lease. */
  readonly leasedAtMs: number;
}

/** A run that has ended, to be settled with the next turn. */
export interface EndedRun {
  readonly run: Run;
  readonly settlement: Settlement;
  readonly endedAtMs: number;
  /** True after a turn that may have settled it without an answer. */
  uncertain: boolean;
  /** True when the worker was told of it. */
  isSettled: boolean;
}

export interface Lease {
  readonly segment: string;
  readonly token: string;
  readonly job: StoredJob;
}

export interface TurnInput {
  readonly ended: readonly EndedRun[];
  /** One for each job to lease beside those that take over the slot of a settled one. */
  readonly tokens: readonly string[];
  readonly stopping: boolean;
  readonly leaseMs: number;
  readonly retention: Retention;
}

export interface TurnResult {
  readonly outcomes: readonly SettleOutcome[];
  readonly leases: readonly Lease[];
  /** Wall time at which a job becomes due that could not be leased; 0 without one. */
  readonly wakeAtMs: number;
}

const OUTCOMES: readonly SettleOutcome[] = ["applied", "cancelled", "lost"];

/** True for a settlement whose slot takes the next job in the same step. */
export function takesOver({ settlement }: EndedRun): boolean {
  return settlement.kind === "completed" || settlement.kind === "dead";
}

export function turnArgs({ ended, tokens, stopping, leaseMs, retention: { finished, dead } }: TurnInput): string[] {
  const kept = [finished.count, finished.ageMs, dead.count, dead.ageMs].map(String);
  const head = [String(ended.length), String(tokens.length), stopping ? "1" : "0", ...kept, String(leaseMs)];
  for (const { run, settlement } of ended) {
    const { value, at, fields } = partsOf(settlement);
    head.push(settlement.kind, run.segment, run.token, String(settlement.usedMs), value, String(at));
    head.push(String(fields.length), ...fields);
  }
  head.push(...tokens);
  return head;
}

interface Parts {
  readonly value: string;
  readonly at: number;
  readonly fields: readonly string[];
}

function partsOf(settlement: Settlement): Parts {
  const { kind } = settlement;
  if (kind === "completed") return { value: settlement.output ?? "", at: 0, fields: [] };
  if (kind === "handed-back") return { value: "", at: 0, fields: [] };
  if (kind === "throttled") return { value: "", at: settlement.untilMs, fields: [] };
  const { failure, attemptsMade } = settlement;
  const fields = ["fa", String(attemptsMade), "fl", JSON.stringify(failure)];
  if (kind === "retry") return { value: "", at: settlement.atMs, fields };
  return { value: failure.message, at: 0, fields: [...fields, "dr", settlement.reason] };
}

export function readTurn(reply: unknown, { ended, tokens }: TurnInput): TurnResult {
  const [codes, entries, wake] = Array.isArray(reply) ? (reply as unknown[]) : [];
  if (!Array.isArray(codes) || !Array.isArray(entries))
    throw new StoreError("expected the result of a turn from Redis, got another reply");
  const leases: Lease[] = [];
  for (let i = 0; i + 2 < entries.length; i += 3) {
    const slot = Number(entries[i]);
    const token = slot > 0 ? ended[slot - 1]?.run.token : tokens[-slot - 1];
    if (token === undefined) throw new StoreError(`expected a known slot from Redis, got ${slot}`);
    const segment = String(entries[i + 2]);
    leases.push({ segment, token, job: readJob({ segment, fields: entries[i + 1], state: "active" }) });
  }
  return { outcomes: codes.map((code) => OUTCOMES[Number(code)] ?? "failed"), leases, wakeAtMs: Number(wake) };
}
