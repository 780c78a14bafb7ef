import type { Clock } from "@scale/core";
import type { Charge, ConsumeRequest, ConsumeResult, RefundRequest, RuleStatus } from "../types.js";
import { GenerationalMap } from "./generational-map.js";

/**
 * Units of one rule and subject that this process holds in advance. The store charged them when it granted them, so every
 * admitted unit is counted there, and they expire with the lease: in any stretch of time all processes together admit at
 * most what the rule admits in that stretch, plus one lease.
 */
interface Lease {
  units: number;
  /** Milliseconds of the monotonic clock. */
  readonly until: number;
  readonly grantedAt: number;
  /** Units at the start. */
  readonly granted: number;
  /** The rule's status when the units were granted. */
  readonly status: RuleStatus;
  /** Settles when the request that asks for more units has its result. */
  refill: Promise<unknown> | undefined;
}

/** The part of leases in a request: they decide it, let it wait for a refill, or leave charges to the store. */
export type LeaseAnswer =
  | { readonly kind: "consumed"; readonly result: ConsumeResult }
  | { readonly kind: "wait"; readonly until: Promise<unknown> }
  | {
      readonly kind: "ask";
      /** The charges that no lease covers. */
      readonly request: ConsumeRequest;
      /** Joins the store's result with the leases' part. When the store denies, the leases get their units back. */
      merge(answer: Promise<ConsumeResult>): Promise<ConsumeResult>;
    };

/** A lease that is dropped early wastes its units. */
const MAX_PER_GENERATION = 10_000;
/** Units of a first grant. Each grant that is used up doubles the next. */
const FIRST_GRANT = 8;

/** True when a request has a rule that may be leased. */
export const isLeased = ({ cost, charges }: ConsumeRequest): boolean =>
  cost > 0 && charges.some(({ rule }) => rule.leaseMs > 0);

/** The leases of this process. */
export class Leases {
  readonly #clock: Clock;
  readonly #leases = new GenerationalMap<Lease>(MAX_PER_GENERATION);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param mayWait false for a request that has waited already and now asks for itself */
  consume(request: ConsumeRequest, mayWait: boolean): LeaseAnswer {
    const now = this.#clock.monotonic();
    const covering = this.#leasesCovering(request, now);
    if (!covering.includes(undefined)) return spendAll(request, covering as readonly Lease[], now);
    const { tenantId, charges } = request;
    const refilling = mayWait
      ? charges.find((charge, i) => covering[i] === undefined && this.#leaseOf(tenantId, charge)?.refill !== undefined)
      : undefined;
    const until = refilling && this.#leaseOf(tenantId, refilling)?.refill;
    return until === undefined ? this.#ask(request, covering, now) : { kind: "wait", until };
  }

  /** Returns units to the very lease they came from. In a later lease, expired units would become valid again. */
  refund({ consumed, units }: RefundRequest): void {
    if (isLeaseSpend(consumed)) spend(consumed.leases, -units);
  }

  #leaseOf(tenantId: string, charge: Charge): Lease | undefined {
    return charge.rule.leaseMs > 0 ? this.#leases.get(tenantId, charge) : undefined;
  }

  /** For each charge, the lease that holds enough for the cost. */
  #leasesCovering({ tenantId, cost, charges }: ConsumeRequest, now: number): (Lease | undefined)[] {
    const covering: (Lease | undefined)[] = [];
    for (let i = 0; i < charges.length; i++) {
      const lease = this.#leaseOf(tenantId, charges[i] as Charge);
      covering.push(lease !== undefined && lease.until > now && lease.units >= cost ? lease : undefined);
    }
    return covering;
  }

  #ask(request: ConsumeRequest, covering: readonly (Lease | undefined)[], now: number): LeaseAnswer {
    const { tenantId, cost } = request;
    const charges = request.charges
      .filter((_, i) => covering[i] === undefined)
      .map((charge) => withWant(charge, this.#leaseOf(tenantId, charge), { cost, now }));
    const uncovered = { ...request, charges };
    spend(covering, cost);
    return {
      kind: "ask",
      request: uncovered,
      merge: async (answer) => {
        const refill = answer.catch(() => undefined);
        for (const charge of charges) if (charge.want !== undefined) this.#markRefill(tenantId, charge, refill);
        let result: ConsumeResult | undefined;
        try {
          result = await answer;
        } finally {
          if (result?.allowed !== true) spend(covering, -cost);
        }
        this.#storeGrants(uncovered, result, now);
        const answered = result.statuses.values();
        const statuses = covering.map((lease) =>
          lease === undefined ? (answered.next().value as RuleStatus) : leaseStatus(lease, now),
        );
        return { ...result, statuses };
      },
    };
  }

  #markRefill(tenantId: string, charge: Charge, refill: Promise<unknown>): void {
    const lease = this.#leaseOf(tenantId, charge);
    if (lease !== undefined) lease.refill = refill;
    else this.#leases.set(tenantId, charge, { ...EMPTY_LEASE, refill });
    void refill.then(() => {
      const current = this.#leaseOf(tenantId, charge);
      if (current?.refill === refill) current.refill = undefined;
    });
  }

  #storeGrants({ tenantId, charges }: ConsumeRequest, { statuses }: ConsumeResult, sentAt: number): void {
    charges.forEach((charge, i) => {
      const status = statuses[i];
      if (charge.want === undefined || status === undefined) return;
      const { granted = 0 } = status;
      const until = sentAt + charge.rule.leaseMs;
      const lease = { units: granted, granted, grantedAt: sentAt, until, status, refill: undefined };
      this.#leases.set(tenantId, charge, lease);
    });
  }
}

const EMPTY_LEASE = {
  units: 0,
  granted: 0,
  grantedAt: 0,
  until: 0,
  status: { remaining: 0, resetMs: 0, retryAfterMs: 0 },
};

/** True for a result that leases gave: it carries the leases it was taken from. */
const isLeaseSpend = (result: ConsumeResult): result is ConsumeResult & { readonly leases: readonly Lease[] } =>
  "leases" in result;

function spend(leases: readonly (Lease | undefined)[], units: number): void {
  for (const lease of leases) if (lease !== undefined) lease.units -= units;
}

function spendAll({ cost }: ConsumeRequest, leases: readonly Lease[], now: number): LeaseAnswer {
  const statuses: RuleStatus[] = [];
  for (const lease of leases) {
    lease.units -= cost;
    statuses.push(leaseStatus(lease, now));
  }
  const result = { allowed: true, atMs: 0, statuses, leases };
  return { kind: "consumed", result };
}

/** Asks for what the last grant lacked or left over, and never for more units than the rule admits during a lease. */
function withWant(charge: Charge, last: Lease | undefined, { cost, now }: { cost: number; now: number }): Charge {
  const { leaseMs, limit, windowMs } = charge.rule;
  if (leaseMs === 0 || last?.refill !== undefined) return charge;
  const most = Math.max(1, Math.ceil((limit / windowMs) * leaseMs));
  const wasEnough = last !== undefined && last.until <= now && last.units > 0;
  const spent = last === undefined ? 0 : last.granted - last.units;
  const units = wasEnough ? spent : Math.max(2 * spent, FIRST_GRANT * cost);
  return { ...charge, want: Math.min(units, most) };
}

function leaseStatus({ units, grantedAt, status }: Lease, now: number): RuleStatus {
  const resetMs = Math.max(0, Math.ceil(status.resetMs - (now - grantedAt)));
  return { remaining: status.remaining + units, resetMs, retryAfterMs: 0 };
}
