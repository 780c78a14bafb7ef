import { createBreaker } from "@scale/breaker";
import { circuitBreaker, handleAll, SamplingBreaker } from "cockatiel";
import CircuitBreaker from "opossum";

/** A breaker around one action, and what a caller of it does. */
export interface Contender {
  /** Calls the action through the breaker. */
  call(): Promise<unknown>;
  close(): void;
}

type Work = () => Promise<unknown>;

const NEVER_MS = 3_600_000;

/** Default options, but for an open time that no measurement outlasts. */
export function ours(action: Work): Contender {
  const breaker = createBreaker({ name: "bench", open: { baseMs: NEVER_MS, maxMs: NEVER_MS } });
  return { call: () => breaker.run(action), close: () => breaker.dispose() };
}

export function cockatiel(action: Work): Contender {
  const breaker = circuitBreaker(handleAll, {
    halfOpenAfter: NEVER_MS,
    breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000 }),
  });
  return { call: () => breaker.execute(action), close: () => undefined };
}

export function opossum(action: Work, options: CircuitBreaker.Options = {}): Contender {
  const breaker = new CircuitBreaker(action, { resetTimeout: NEVER_MS, ...options });
  return { call: () => breaker.fire(), close: () => breaker.shutdown() };
}

/** Calls until the breaker refuses. */
export async function opened({ call, close }: Contender): Promise<Contender> {
  for (let i = 0; i < 1000; i++) await call().catch(() => undefined);
  return { call, close };
}
