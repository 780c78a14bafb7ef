import type { ShedStats } from "../../types.js";
import type { Shedder } from "../../shedder.js";
import { type ControlledCircuit, type ControlledFlags, isRegistry } from "./sources.js";

/** Degradation of a process at the moment. */
export interface DegradationHealth {
  /** `degraded` while a breaker is open, a flag is off or stale, or the shedder refuses. A process that degrades on purpose is alive and ready. */
  readonly status: "ok" | "degraded";
  readonly breakers: {
    readonly total: number;
    /** Breakers that are open or half-open, forced ones included. */
    readonly open: number;
  };
  readonly flags?: FlagsHealth;
  readonly shed?: ShedStats;
}

export interface FlagsHealth {
  readonly total: number;
  /** Keys of the flags that are killed, degraded by a signal, or stale. */
  readonly killed: readonly string[];
  readonly degraded: readonly string[];
  readonly stale: readonly string[];
  /** Source of the rules in force. */
  readonly from: string;
  readonly ageMs: number | null;
}

interface Sources {
  readonly breakers: readonly ControlledCircuit[];
  readonly flags?: ControlledFlags | undefined;
  readonly shedder?: Shedder | undefined;
}

export function degradationHealth({ breakers, flags, shedder }: Sources): DegradationHealth {
  const circuits = { total: 0, open: 0 };
  for (const each of breakers) {
    circuits.total += isRegistry(each) ? each.size : 1;
    circuits.open += openOf(each);
  }
  const ofFlags = flags && flagsHealth(flags);
  const shed = shedder?.stats();
  const isUsual =
    circuits.open === 0 &&
    (shed === undefined || (shed.level !== "shedding" && !shed.isBraking)) &&
    (ofFlags === undefined || ofFlags.killed.length + ofFlags.degraded.length + ofFlags.stale.length === 0);
  return {
    status: isUsual ? "ok" : "degraded",
    breakers: circuits,
    ...(ofFlags !== undefined && { flags: ofFlags }),
    ...(shed !== undefined && { shed }),
  };
}

function openOf(circuit: ControlledCircuit): number {
  if (isRegistry(circuit)) return circuit.openCount;
  const { state } = circuit.snapshot();
  return state === "open" || state === "half-open" ? 1 : 0;
}

function flagsHealth(flags: ControlledFlags): FlagsHealth {
  const keys = Object.keys(flags.definitions);
  const reasons = new Map(keys.map((key) => [key, flags.explain(key, {}).reason]));
  const because = (reason: string): string[] => keys.filter((key) => reasons.get(key) === reason);
  const { from, ageMs = null } = flags.status();
  return {
    total: keys.length,
    killed: because("KILLED"),
    degraded: because("DEGRADED"),
    stale: because("STALE"),
    from,
    ageMs,
  };
}
