import { familyOf } from "../instruments/family-of.js";
import type { Family } from "../instruments/family.js";
import type { Registry } from "../instruments/registry.js";
import type { HistogramSeries, TenantCounterSeries, TenantHistogramSeries } from "../instruments/series.js";
import { requestEnd } from "../events.js";
import { RecentTraffic } from "../summary/traffic.js";

/** A request whose response has ended. */
export interface RequestRecord {
  readonly tenantId: string | undefined;
  readonly method: string;
  /** Pattern of the route, never the path: each route is a series. */
  readonly route: string;
  /** `undefined` when the client disconnected before a status was sent. */
  readonly status: number | undefined;
  readonly durationMs: number;
}

/** How a request ended: `denied` is 429, `aborted` a client that disconnected before a status was sent. */
export type RequestOutcome = "success" | "denied" | "client-error" | "server-error" | "aborted";

const SLOW_MS = 1000;
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

const OUTCOMES: readonly RequestOutcome[] = ["success", "denied", "client-error", "server-error", "aborted"];
const TOO_MANY_REQUESTS = 429;

function outcomeOf(status: number | undefined): RequestOutcome {
  if (status === undefined) return "aborted";
  if (status >= 500) return "server-error";
  if (status === TOO_MANY_REQUESTS) return "denied";
  return status >= 400 ? "client-error" : "success";
}

/** Series of the requests, bound once. */
export class RequestRecorder {
  readonly recent: RecentTraffic;
  readonly durations: TenantHistogramSeries;
  readonly slow: TenantCounterSeries;
  readonly byOutcome: ReadonlyMap<RequestOutcome, TenantCounterSeries>;
  readonly #registry: Registry;
  readonly #routes: Family<HistogramSeries>;

  constructor(registry: Registry) {
    this.#registry = registry;
    this.recent = new RecentTraffic(registry.slots);
    const requests = familyOf<TenantCounterSeries>(registry, "scale_http_requests_total");
    this.byOutcome = new Map(OUTCOMES.map((outcome) => [outcome, requests.bind({ outcome })]));
    this.durations = familyOf<TenantHistogramSeries>(registry, "scale_http_request_duration_seconds").bind({});
    this.slow = familyOf<TenantCounterSeries>(registry, "scale_http_slow_requests_total").bind({});
    this.#routes = familyOf<HistogramSeries>(registry, "scale_http_route_duration_seconds");
  }

  record(request: RequestRecord): void {
    const { tenantId, method, route, status, durationMs } = request;
    // One event of the tenant, in one slot: its counts and its time never part.
    const slot = this.#registry.slots.slotFor(tenantId);
    const outcome = outcomeOf(status);
    // A clock that steps back must not make a response end before its request.
    const seconds = Number.isFinite(durationMs) ? Math.max(0, durationMs) / 1000 : 0;
    this.byOutcome.get(outcome)?.incSlot(slot, 1);
    this.durations.observeSlot(slot, seconds);
    if (durationMs > SLOW_MS) this.slow.incSlot(slot, 1);
    this.recent.record(slot, outcome === "server-error");
    const known = METHODS.has(method) ? method : "other";
    const pattern = typeof route === "string" ? route : "unmatched";
    this.#routes
      .bind({ method: known, route: pattern, status: status === undefined ? "none" : String(status) })
      .observe(seconds);
    requestEnd.publish(() => request);
  }
}
