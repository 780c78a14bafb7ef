import type { Delta, TenantOf } from "../deltas/delta-reader.js";
import type { RequestCounts } from "./types.js";

/** Responses of one tenant between two samples, and the refusals that explain some of them. */
interface Tally {
  success: number;
  denied: number;
  clientErrors: number;
  serverErrors: number;
  /** Refusals that are answered with 503, and with 402 or 403. */
  refused503: number;
  refused40x: number;
  /** Response times by cell of the sketch. */
  readonly cells: (readonly (readonly [cell: number, count: number])[])[];
}

/** Refusals whose responses were not there yet at the last sample. */
interface Pending {
  readonly refused503: number;
  readonly refused40x: number;
}

export interface Settled extends RequestCounts {
  readonly tenant: TenantOf;
  readonly cells: Tally["cells"];
}

const REQUESTS = "scale_http_requests_total";
const DURATIONS = "scale_http_request_duration_seconds";
const DECISIONS = "scale_rate_limit_decisions_total";
const SHED = "scale_shed_requests_total";
const QUOTA = "scale_quota_refusals_total";
/** Metrics that tell which requests were admitted, denied and failed. */
export const TALLIED: readonly string[] = [REQUESTS, DURATIONS, DECISIONS, SHED, QUOTA];

const NONE: Pending = { refused503: 0, refused40x: 0 };

/**
 * Tells denied requests from failed ones: a 503 of a shedder or of a limiter whose store is down, and a 402 or 403 of a quota,
 * have an event beside the response.
 */
export class Tallies {
  #tallies = new Map<string, Tally & { readonly tenant: TenantOf }>();
  #pending = new Map<string, Pending>();

  add(delta: Delta): void {
    const { name } = delta.metric.family.definition;
    if (delta.kind === "sketch") {
      if (name === DURATIONS) this.#of(delta.tenant).cells.push(delta.cells);
    } else if (delta.kind === "amount") this.#count(name, delta);
  }

  /** Ends a sample. @returns the requests of each tenant since the one before */
  settle(): Settled[] {
    const pending = new Map<string, Pending>();
    const settled = [...this.#tallies].map(([key, tally]) => {
      const before = this.#pending.get(key) ?? NONE;
      const { counts, left } = split(tally, before);
      // A refusal without a response, outside of HTTP, explains none later than in the next sample.
      if (left.refused503 > 0 || left.refused40x > 0) pending.set(key, left);
      return { tenant: tally.tenant, cells: tally.cells, ...counts };
    });
    this.#tallies = new Map();
    this.#pending = pending;
    return settled;
  }

  #count(name: string, { labels, tenant, amount }: Extract<Delta, { kind: "amount" }>): void {
    const label = (of: string): string | undefined => labels.find(([known]) => known === of)?.[1];
    const tally = this.#of(tenant);
    if (name === SHED) tally.refused503 += amount;
    else if (name === QUOTA) tally.refused40x += amount;
    else if (name === DECISIONS) {
      if (label("outcome") === "denied" && label("decided_by") === "policy") tally.refused503 += amount;
    } else if (name === REQUESTS) {
      const outcome = label("outcome");
      if (outcome === "denied") tally.denied += amount;
      else if (outcome === "client-error") tally.clientErrors += amount;
      else if (outcome === "server-error") tally.serverErrors += amount;
      else tally.success += amount;
    }
  }

  #of(tenant: TenantOf): Tally {
    const key = keyOf(tenant);
    const known = this.#tallies.get(key);
    if (known !== undefined) return known;
    const made = { ...EMPTY, tenant, cells: [] };
    this.#tallies.set(key, made);
    return made;
  }
}

const EMPTY = { success: 0, denied: 0, clientErrors: 0, serverErrors: 0, refused503: 0, refused40x: 0 };

/** A key that no id of a tenant has: `other` may be one. */
const keyOf = (tenant: TenantOf): string => (typeof tenant === "string" ? tenant : `=${tenant.tenantId}`);

function split(tally: Tally, before: Pending): { counts: RequestCounts; left: Pending } {
  const by503 = Math.min(tally.serverErrors, before.refused503 + tally.refused503);
  const by40x = Math.min(tally.clientErrors, before.refused40x + tally.refused40x);
  return {
    counts: {
      admitted: tally.success + tally.clientErrors - by40x,
      denied: tally.denied + by503 + by40x,
      failed: tally.serverErrors - by503,
    },
    left: {
      refused503: Math.min(tally.refused503, before.refused503 + tally.refused503 - by503),
      refused40x: Math.min(tally.refused40x, before.refused40x + tally.refused40x - by40x),
    },
  };
}
