import type { Probes } from "./probes.js";
import { rampShare, type ShareSplitter } from "./ramp.js";

export interface OpenState {
  readonly is: "open";
  /** Moved when another process probes instead. */
  untilMs: number;
  readonly cause: unknown;
}

export type State =
  | { readonly is: "closed" }
  | OpenState
  | { readonly is: "half-open"; readonly probes: Probes; readonly cause: unknown }
  | { readonly is: "ramping"; readonly sinceMs: number; readonly splitter: ShareSplitter };

export const CLOSED: State = { is: "closed" };

/** A failed call. */
export interface Failure {
  readonly error: unknown;
  /** Milliseconds that the dependency asked to wait; 0 for none. */
  readonly retryAfterMs: number;
}

/** Share of the calls that a state admits. */
export function admittedShare(state: State, nowMs: number, rampMs: number): number {
  if (state.is === "ramping") return rampShare(nowMs - state.sinceMs, rampMs);
  return state.is === "closed" ? 1 : 0;
}
