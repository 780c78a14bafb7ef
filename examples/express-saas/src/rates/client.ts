import { type Breaker, deadlineHeaders, servicePolicy, withFallback } from "@scale/breaker";
import type { Rates } from "./service.js";

export interface CurrentRates {
  readonly rates: Rates;
  /** `last-known` while the service does not answer. */
  readonly source: "live" | "last-known";
}

export interface RatesClient {
  get(): Promise<CurrentRates>;
  /** For the admin routes and the live page. */
  readonly breaker: Breaker;
}

/** Maximum time of a request for rates: a page must not wait longer for them than for all of its rows. */
const ATTEMPT_MS = 250;
const TIMEOUT_MS = 500;

/** Asks the service for rates, and uses the last ones while it is down. */
export function createRatesClient(url: string): RatesClient {
  const policy = servicePolicy({ name: "rates", attemptTimeoutMs: ATTEMPT_MS, timeoutMs: TIMEOUT_MS });
  let lastKnown: Rates = {};
  const { run } = withFallback(policy, {
    to: (): CurrentRates => ({ rates: lastKnown, source: "last-known" }),
    name: "rates",
  });
  return {
    get: () =>
      run(
        async (call): Promise<CurrentRates> => {
          const response = await fetch(url, { signal: call.signal, headers: deadlineHeaders(call) });
          if (!response.ok) throw Object.assign(new Error("rates are not available"), { status: response.status });
          lastKnown = (await response.json()) as Rates;
          return { rates: lastKnown, source: "live" };
        },
        { idempotent: true },
      ),
    breaker: policy.breaker,
  };
}
