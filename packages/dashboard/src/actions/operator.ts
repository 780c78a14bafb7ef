import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "@scale/core";
import { booleanResult, checkedCallback, createDeadline, inRootContext } from "@scale/core/kit";
import type { HttpFacts } from "@scale/http";
import type { ActionState, DashboardData, FeedEvent, Incident } from "../types.js";
import { atLeast, type Effect, effectOf, feltSentence } from "./effect.js";
import type { OperatorAction } from "./types.js";

export interface OperatorOptions {
  readonly actions: readonly OperatorAction[];
  readonly clock: Clock;
  /** Called with the error of an action. */
  readonly onError: (error: unknown) => void;
  /** Called with a sentence for the feed of events. */
  readonly onNote: (kind: FeedEvent["kind"], text: string) => void;
}

/** Runs the actions of operators, each once at a time, and keeps what came of them. */
export interface Operator {
  /** @returns `unknown` for an action that does not exist, `refused` for one that runs */
  start(id: string, facts: HttpFacts): "started" | "unknown" | "refused";
  /** @returns `unknown` for an action that does not exist, `refused` for one that does not run or cannot be ended */
  end(id: string): "ending" | "unknown" | "refused";
  /** Looks at the requests of the last minute for what callers noticed. */
  observe(data: Pick<DashboardData, "seconds">): void;
  states(): readonly ActionState[];
  /** Newest first. */
  incidents(): readonly Incident[];
  /** Ends all that runs. Actions undo their effects after it. */
  close(): void;
}

interface Run {
  readonly action: OperatorAction;
  readonly controller: AbortController;
  readonly record: IncidentRecord;
}

interface IncidentRecord {
  readonly label: string;
  readonly startedAtMs: number;
  endedAtMs?: number;
  recoveredAtMs?: number;
  hasFailed: boolean;
  effect: Effect;
  /** True after the last second in which callers may have noticed it was looked at. */
  isEffectFinal: boolean;
}

const KEPT = 20;
const WINDOW_MS = 58_000;
/** Callers may notice the end of an incident so much later. */
const AFTERMATH_MS = 2_000;
const ASK_EVERY_MS = 200;
const answerIn = createDeadline(5_000);
const NOTHING: Effect = { requests: 0, denied: 0, failed: 0, worstP99: null, p99Before: null };

interface OperatorState extends Omit<OperatorOptions, "actions"> {
  /** Actions that run or recover, by their ids. */
  readonly runs: Map<string, Run>;
  readonly records: IncidentRecord[];
  readonly closing: AbortController;
}

export function createOperator({ actions, ...options }: OperatorOptions): Operator {
  const state: OperatorState = { ...options, runs: new Map(), records: [], closing: new AbortController() };
  const { runs, records, closing, clock } = state;
  const find = (id: string): OperatorAction | undefined => actions.find((action) => action.id === id);
  return {
    start(id, facts) {
      const action = find(id);
      if (action === undefined) return "unknown";
      if (runs.has(id) || closing.signal.aborted) return "refused";
      const run = begin(state, action);
      // Outside of the request: the action outlives it.
      inRootContext(() => void perform(state, run, facts));
      return "started";
    },
    end(id) {
      const action = find(id);
      if (action === undefined) return "unknown";
      const run = runs.get(id);
      if (run === undefined || action.endLabel === undefined || run.record.endedAtMs !== undefined) return "refused";
      run.controller.abort();
      return "ending";
    },
    observe({ seconds }) {
      for (const record of records) observeRecord(record, seconds, clock.now());
    },
    states: () => actions.map((action) => stateOf(action, runs.get(action.id))),
    incidents: () => records.map(incidentOf).toReversed(),
    close() {
      closing.abort();
      for (const { controller } of runs.values()) controller.abort();
    },
  };
}

function begin({ runs, records, clock, onNote }: OperatorState, action: OperatorAction): Run {
  const record: IncidentRecord = {
    ...{ label: action.label, startedAtMs: clock.now() },
    ...{ hasFailed: false, effect: NOTHING, isEffectFinal: false },
  };
  const run: Run = { action, controller: new AbortController(), record };
  runs.set(action.id, run);
  records.push(record);
  if (records.length > KEPT) records.shift();
  onNote("change", `an operator started: ${action.label}`);
  return run;
}

async function perform(state: OperatorState, { action, controller, record }: Run, facts: HttpFacts): Promise<void> {
  const { clock, onError, onNote, closing, runs } = state;
  const { signal } = controller;
  try {
    await action.run({ signal, facts });
  } catch (error) {
    // An action that sleeps until its signal aborts rejects with the reason of the signal: that is its end.
    if (!signal.aborted || (error !== signal.reason && !isAbort(error))) {
      record.hasFailed = true;
      onError(error);
    }
  }
  record.endedAtMs = clock.now();
  if (!record.hasFailed) await untilRecovered(action, { signal: closing.signal, onError });
  record.recoveredAtMs = clock.now();
  runs.delete(action.id);
  const lasted = ((record.recoveredAtMs - record.startedAtMs) / 1000).toFixed(1);
  const outcome = record.hasFailed ? "failed" : `is over and all works again, ${lasted} s after it began`;
  onNote("health", `${record.label} ${outcome}`);
}

/** Asks until the answer is yes. An error is published once, and asked about again. */
async function untilRecovered(
  action: OperatorAction,
  { signal, onError }: { readonly signal: AbortSignal; readonly onError: (error: unknown) => void },
): Promise<void> {
  if (action.isRecovered === undefined) return;
  const what = `createDashboard: isRecovered of ${action.id}`;
  const ask = checkedCallback(() => action.isRecovered?.(), booleanResult(what));
  let isReported = false;
  while (!signal.aborted) {
    try {
      if (await answerIn((async () => ask())(), what)) return;
    } catch (error) {
      if (!isReported) onError(error);
      isReported = true;
    }
    await sleep(ASK_EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === "AbortError";

function observeRecord(record: IncidentRecord, seconds: DashboardData["seconds"], now: number): void {
  const { startedAtMs, recoveredAtMs = now } = record;
  if (record.isEffectFinal) return;
  const effect = effectOf(seconds, now, { fromMs: startedAtMs, untilMs: recoveredAtMs + AFTERMATH_MS });
  record.effect = now - startedAtMs < WINDOW_MS ? effect : atLeast(record.effect, effect);
  // The last of these seconds is whole a second after its start.
  record.isEffectFinal = now > recoveredAtMs + AFTERMATH_MS + 1000;
}

function stateOf({ id, label, description, endLabel }: OperatorAction, run: Run | undefined): ActionState {
  const said = { id, ...(description !== undefined && { description }) };
  if (run === undefined) return { ...said, label, status: "ready", isEnd: false };
  if (run.record.endedAtMs !== undefined) return { ...said, label, status: "recovering", isEnd: false };
  return { ...said, label: endLabel ?? label, status: "running", isEnd: endLabel !== undefined };
}

function incidentOf({ label, startedAtMs, endedAtMs, recoveredAtMs, hasFailed, effect }: IncidentRecord): Incident {
  return {
    label,
    startedAtMs,
    ...(endedAtMs !== undefined && { endedAtMs }),
    ...(recoveredAtMs !== undefined && { recoveredAtMs }),
    felt: hasFailed ? "the action failed" : feltSentence(effect),
  };
}
