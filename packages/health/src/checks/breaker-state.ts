/** A breaker: of `@scale/breaker`, or any object with a name and a state. */
export interface BreakerLike {
  readonly name: string;
  /** Key within a registry. */
  readonly key?: string | undefined;
  /** `"open"`, `"half-open"` and `"ramping"` are reported; every other state is a closed breaker. */
  readonly state: string;
  /** `"forced-open"` is an open breaker; every other mode but `"auto"` admits all calls. */
  readonly mode?: string;
}

/** A registry of breakers: `createBreakers` of `@scale/breaker`. */
export interface BreakersLike {
  readonly name: string;
  /** Breakers that are kept. */
  readonly size: number;
  /** Breakers that are open or half-open. */
  readonly openCount: number;
}

export type BreakerSource = BreakerLike | BreakersLike;

export function isBreakerSource(value: unknown): value is BreakerSource {
  if (typeof value !== "object" || value === null || !("name" in value) || typeof value.name !== "string") return false;
  return "state" in value ? typeof value.state === "string" : "openCount" in value && "size" in value;
}
