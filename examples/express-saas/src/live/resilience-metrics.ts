import { type Breaker, callRefuse, fallbackUse } from "@scale/breaker";
import type { Clock } from "@scale/core";
import { type RequestShed, requestShed, type Shedder } from "@scale/shed";
import type { CrmFlags } from "../flags.js";
import { type Counter, createCounter } from "./counters.js";
import type { BreakerRow, FlagRow, ResilienceData, ShedTenantRow } from "./live-data.js";
import { createSecondsRing } from "./ring.js";

export interface ResilienceSources {
  readonly rates: {
    readonly client: { readonly breaker: Pick<Breaker, "snapshot"> };
    readonly service: { readonly isStuck: boolean };
  };
  readonly flags: Pick<CrmFlags, "definitions" | "explain" | "status">;
  readonly shedder: Pick<Shedder, "stats">;
}

/** Metrics of breakers, flags and the shedder for the live page. */
export interface ResilienceMetrics {
  /** Call it with every response: notes how much is in progress. */
  sample(): void;
  read(): ResilienceData;
  /** Unsubscribes. */
  stop(): void;
}

const SHOWN_TENANTS = 10;
/** Maximum number of tenants with their own counters. Further tenants count in the sum only. */
const MAX_TENANTS = 1000;

export function createResilienceMetrics(sources: ResilienceSources, clock: Clock): ResilienceMetrics {
  const { rates, flags, shedder } = sources;
  const refusedCalls = createCounter(clock);
  const fallbacks = createCounter(clock);
  const refused = createCounter(clock);
  const inFlight = createSecondsRing(1, clock);
  const tenants = new Map<string, { readonly counter: Counter; reason: string }>();

  function countRefusal({ tenantId, reason }: RequestShed): void {
    refused.add();
    const known = tenants.get(tenantId);
    if (known === undefined && tenants.size >= MAX_TENANTS) return;
    const row = known ?? { counter: createCounter(clock), reason };
    row.counter.add();
    row.reason = reason;
    tenants.set(tenantId, row);
  }

  const subscriptions = [
    callRefuse.subscribe(() => refusedCalls.add()),
    fallbackUse.subscribe(() => fallbacks.add()),
    requestShed.subscribe(countRefusal),
  ];
  const sample = (): void => inFlight.raise(0, shedder.stats().inFlight);
  return {
    sample,
    read() {
      sample();
      return {
        isUpstreamStuck: rates.service.isStuck,
        breakers: [breakerRow(rates.client.breaker, clock)],
        refusedCalls: refusedCalls.read(),
        fallbacks: fallbacks.read(),
        flags: flagRows(flags),
        shed: {
          ...shedder.stats(),
          highestInFlight: inFlight.highest(0),
          refused: refused.read(),
          tenants: tenantRows(tenants),
        },
      };
    },
    stop: () => subscriptions.forEach((end) => end()),
  };
}

function breakerRow(breaker: Pick<Breaker, "snapshot">, clock: Clock): BreakerRow {
  const { name, key = null, state, mode, reason = null, changedAtMs, calls, failures } = breaker.snapshot();
  const changedAgoMs = changedAtMs === undefined ? null : Math.max(0, clock.now() - changedAtMs);
  return { name, key, state, mode, reason, changedAgoMs, calls, failures };
}

function flagRows(flags: ResilienceSources["flags"]): FlagRow[] {
  const { from, ageMs = null } = flags.status();
  const keys = Object.keys(flags.definitions) as (keyof CrmFlags["definitions"])[];
  return keys.map((flag) => {
    const { value, reason } = flags.explain(flag, {});
    return { flag, value: JSON.stringify(value), reason, from, ageMs };
  });
}

function tenantRows(tenants: ReadonlyMap<string, { readonly counter: Counter; readonly reason: string }>) {
  const rows = [...tenants].map(
    ([tenantId, { counter, reason }]): ShedTenantRow => ({ tenantId, refused: counter.read(), reason }),
  );
  return rows.sort((a, b) => b.refused.total - a.refused.total).slice(0, SHOWN_TENANTS);
}
