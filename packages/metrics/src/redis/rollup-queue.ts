import type { Delta } from "../deltas/delta-reader.js";

/** The requests of one tenant since its last message. A message that got no answer is sent again as it was. */
export interface Message {
  readonly tenant: string;
  readonly number: number;
  /** Milliseconds since the epoch: they say which hour the requests belong to. */
  readonly at: number;
  readonly fields: ReadonlyMap<string, number>;
}

/** Tenants with unsent figures. While Redis is down those of further tenants count as `other`. */
const MAX_TENANTS = 10_000;
const OTHER = "other";

const COUNTERS: Readonly<Record<string, (delta: Delta) => readonly string[]>> = {
  scale_http_requests_total: ({ labels }) =>
    labels.some(([, outcome]) => outcome === "server-error") ? ["requests", "errors"] : ["requests"],
  scale_http_slow_requests_total: () => ["slow"],
};
const DURATIONS = "scale_http_request_duration_seconds";

/** Collects figures of tenants until Redis has them. */
export class RollupQueue {
  readonly processId: string;
  readonly metrics: ReadonlySet<string> = new Set([...Object.keys(COUNTERS), DURATIONS]);
  readonly #unsent = new Map<string, Map<string, number>>();
  readonly #sent = new Map<string, Message>();
  #number = 0;

  constructor(processId: string) {
    this.processId = processId;
  }

  add(tenant: string, delta: Delta): void {
    const isKnown = this.#unsent.has(tenant) || this.#unsent.size < MAX_TENANTS;
    const fields = this.#fieldsOf(isKnown ? tenant : OTHER);
    if (delta.kind === "amount") {
      const { name } = delta.metric.family.definition;
      for (const field of COUNTERS[name]?.(delta) ?? []) increase(fields, field, delta.amount);
    } else if (delta.kind === "sketch") {
      for (const [cell, count] of delta.cells) increase(fields, `c${cell}`, count);
      increase(fields, "micros", delta.sum * 1e6);
    }
  }

  /** Messages to send: those without an answer as they were, and one for each other tenant with unsent figures. */
  messages(at: number): Message[] {
    for (const [tenant, fields] of this.#unsent) {
      if (this.#sent.has(tenant)) continue;
      this.#unsent.delete(tenant);
      const rounded = [...fields].map(([field, amount]) => [field, Math.round(amount)] as const);
      const kept = new Map(rounded.filter(([, amount]) => amount > 0));
      if (kept.size > 0) this.#sent.set(tenant, { tenant, number: ++this.#number, at, fields: kept });
    }
    return [...this.#sent.values()];
  }

  acknowledge({ tenant, number }: Message): void {
    if (this.#sent.get(tenant)?.number === number) this.#sent.delete(tenant);
  }

  #fieldsOf(tenant: string): Map<string, number> {
    const fields = this.#unsent.get(tenant) ?? new Map<string, number>();
    this.#unsent.set(tenant, fields);
    return fields;
  }
}

function increase(fields: Map<string, number>, field: string, amount: number): void {
  fields.set(field, (fields.get(field) ?? 0) + amount);
}
