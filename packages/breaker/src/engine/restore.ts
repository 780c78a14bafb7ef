import { z } from "zod";
import { BREAKER_MODES } from "../modes.js";
import type { BreakerMode } from "../types.js";

// Unknown members are allowed: a later version may have added some.
const snapshotSchema = z.object({
  mode: z.enum(BREAKER_MODES),
  state: z.enum(["closed", "open", "half-open", "ramping"]),
  retryAfterMs: z.number().min(0),
  openings: z.int().min(0).max(1_000_000),
  atMs: z.number().min(0),
});

export interface StoredState {
  readonly mode: BreakerMode;
  readonly isOpen: boolean;
  /** Milliseconds that are left of the open time. */
  readonly openMs: number;
  readonly openings: number;
}

/** @returns `undefined` for anything that is no snapshot: a breaker must start whatever a store returned */
export function parseSnapshot(snapshot: unknown, nowMs: number): StoredState | undefined {
  const parsed = snapshotSchema.safeParse(snapshot);
  if (!parsed.success) return undefined;
  const { mode, state, retryAfterMs, openings, atMs } = parsed.data;
  // A wall clock that was set back must not make the open time longer.
  const passedMs = Math.max(0, nowMs - atMs);
  return {
    mode,
    isOpen: mode !== "forced-open" && (state === "open" || state === "half-open"),
    openMs: Math.max(0, retryAfterMs - passedMs),
    openings,
  };
}
