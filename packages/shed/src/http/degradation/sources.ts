/** How a breaker is overridden: `BreakerMode` of `@scale/breaker`. */
export const CIRCUIT_MODES = ["auto", "forced-open", "forced-closed", "disabled", "metrics-only"] as const;
export type CircuitMode = (typeof CIRCUIT_MODES)[number];

/** State of a breaker: `BreakerSnapshot` of `@scale/breaker`. */
export interface CircuitSnapshot {
  readonly name: string;
  readonly key: string | undefined;
  readonly mode: CircuitMode;
  readonly state: string;
}

/** A breaker as far as the routes use it: every `Breaker` of `@scale/breaker` is one. */
export interface ControlledBreaker {
  readonly name: string;
  readonly mode: CircuitMode;
  setMode(mode: CircuitMode): void;
  snapshot(): CircuitSnapshot;
}

/** Breakers by key as far as the routes use them: every `Breakers` of `@scale/breaker`. */
export interface ControlledBreakers {
  readonly name: string;
  readonly size: number;
  readonly openCount: number;
  get(key: string): ControlledBreaker;
  worst(count: number): readonly CircuitSnapshot[];
}

export type ControlledCircuit = ControlledBreaker | ControlledBreakers;

/** Author of a change. */
export interface ControlAuthor {
  readonly by: string;
  readonly note?: string;
}

/** Flags as far as the routes use them: every `Flags` of `@scale/flags`. */
export interface ControlledFlags {
  readonly definitions: Readonly<Record<string, unknown>>;
  explain(key: string, subject: FlagRequest): { readonly reason: string };
  settings(key: string): object;
  status(): { readonly from: string; readonly ageMs: number | undefined; readonly isStale: boolean };
  set(key: string, settings: object, author: ControlAuthor): Promise<object>;
  kill(key: string, author: ControlAuthor): Promise<object>;
  unkill(key: string, author: ControlAuthor): Promise<object>;
}

/** Subject of an explanation. */
export interface FlagRequest {
  readonly tenantId?: string | undefined;
  readonly userId?: string | undefined;
  readonly plan?: string | undefined;
}

export const isRegistry = (circuit: ControlledCircuit): circuit is ControlledBreakers => "worst" in circuit;

/** The breakers of one source, the worst first. */
export function snapshotsOf(circuit: ControlledCircuit, most: number): readonly CircuitSnapshot[] {
  return isRegistry(circuit) ? circuit.worst(most) : [circuit.snapshot()];
}
