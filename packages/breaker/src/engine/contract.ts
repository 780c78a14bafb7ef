import type { Clock } from "@scale/core";
import type { BreakerShare } from "../share.js";
import type { Breaker, BreakerMode, BreakerState, Classify } from "../types.js";

/** Window of settled calls. */
export type WindowSettings =
  | { readonly type: "time"; readonly ms: number; readonly buckets: number }
  | { readonly type: "count"; readonly calls: number; readonly staleAfterMs: number }
  | { readonly type: "consecutive"; readonly failures: number; readonly staleAfterMs: number };

/** `BreakerOptions` with every default filled in. */
export interface BreakerSettings {
  readonly name: string;
  readonly window: WindowSettings;
  readonly failureRate: number;
  readonly minimumCalls: number;
  readonly consecutiveFailures?: number | undefined;
  readonly slowCall?: { readonly ms: number; readonly rate: number } | undefined;
  readonly open: {
    readonly baseMs: number;
    readonly maxMs: number;
    readonly jitter: number;
    readonly maxRetryAfterMs: number;
  };
  readonly halfOpen: {
    readonly permits: number;
    readonly successRate: number;
    readonly leaseMs: number;
    readonly ignored: "success" | "release";
  };
  readonly rampMs: number;
  readonly classify: Classify;
  readonly mode: BreakerMode;
  readonly engine: BreakerEngine;
  readonly share?: BreakerShare | undefined;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Callbacks of the registry that an engine serves. They must not throw. */
export interface EngineHooks {
  /** Asked before a breaker opens by its own window. False keeps it closed, with an empty window. */
  mayOpen(): boolean;
  /** Called after each change of the state. */
  onStateChange(from: BreakerState, to: BreakerState): void;
}

export interface EngineInput {
  readonly settings: BreakerSettings;
  readonly key: string | undefined;
  readonly hooks: EngineHooks | undefined;
}

/** Creates a breaker. `describeBreaker` of `@scale/breaker/testing` is its contract. */
export type BreakerEngine = (input: EngineInput) => Breaker;
