import { randomUUID } from "node:crypto";
import type { Charge, ConsumeRequest, ConsumeResult, RefundRequest } from "../types.js";

/** Units that are returned, or charged on top, after a decision. A store applies each once, however often it is asked. */
export type Correction = { readonly units: number } & (
  | { readonly refund: RefundRequest; readonly charge?: never }
  | { readonly refund?: never; readonly charge: ConsumeRequest }
);

/** The charge of one decision. */
export interface Charged {
  /** 0 for a denial. */
  readonly units: number;
  /** True for units that came from a lease. */
  readonly isLeased: boolean;
  readonly consume: ConsumeRequest;
  readonly result: ConsumeResult;
}

/** The units that were refunded, and charged on top, since a decision. */
export class Corrections {
  readonly #charged: Charged;
  #refunded = 0;
  #added = 0;
  #unsettled: readonly Correction[] = [];

  constructor(charged: Charged) {
    this.#charged = charged;
  }

  /** Units of the decision that were not refunded. */
  get refundable(): number {
    return this.#charged.units - this.#refunded;
  }

  /** Units that are charged now, with those on top. */
  get units(): number {
    return this.refundable + this.#added;
  }

  /** Corrections whose outcome is unknown. They are repeated before any other. */
  get unsettled(): readonly Correction[] {
    return this.#unsettled;
  }

  /** Counts units as refunded before the store is asked, so that a second call cannot refund them again. */
  refund(units: number): Correction {
    const { consume, result, isLeased } = this.#charged;
    const earlier = this.#refunded;
    this.#refunded += units;
    const { tenantId, charges } = consume;
    // Goes back to the lease that this very result was taken from.
    const request = isLeased
      ? { tenantId, units, charges, consumed: result }
      : refundOf(consume, result, { units, earlier });
    return { units, refund: { id: randomUUID(), ...request } };
  }

  /** Counts units as charged on top. */
  add(units: number): Correction {
    const { consume, result } = this.#charged;
    this.#added += units;
    const charges = consume.charges.filter(
      ({ rule }, i) => rule.algorithm !== "concurrency" && result.statuses[i]?.retryAfterMs === 0,
    );
    return { units, charge: { tenantId: consume.tenantId, cost: units, charges, force: { id: randomUUID() } } };
  }

  /** Records that the store applied a correction. */
  settle(correction: Correction): void {
    this.#unsettled = this.#unsettled.filter((one) => one !== correction);
  }

  /**
   * Records that the store did not answer about a correction.
   * @param isUnsent true when it was not asked either: the correction is taken back, unless an earlier attempt may have arrived
   */
  fail(correction: Correction, isUnsent: boolean): void {
    if (this.#unsettled.includes(correction)) return;
    if (!isUnsent) this.#unsettled = [...this.#unsettled, correction];
    else if (correction.refund === undefined) this.#added -= correction.units;
    else this.#refunded -= correction.units;
  }
}

/**
 * The refund of the rules that were charged: a rule in shadow that refused was not.
 * @param amounts `earlier` units were refunded before
 */
function refundOf(
  { tenantId, charges }: ConsumeRequest,
  consumed: ConsumeResult,
  { units, earlier }: { units: number; earlier: number },
): RefundRequest {
  const isCharged = (_: unknown, i: number): boolean => consumed.statuses[i]?.retryAfterMs === 0;
  if (earlier === 0 && consumed.statuses.every(isCharged)) return { tenantId, units, charges, consumed };
  const charged = charges.filter(isCharged);
  const statuses = consumed.statuses.filter(isCharged).map((status, i) => {
    // Units leave a bucket in the order they came: without the units refunded before, it would have been empty sooner.
    const { algorithm, windowMs, limit } = (charged[i] as Charge).rule;
    const soonerMs = algorithm === "gcra" ? (earlier * windowMs) / limit : 0;
    return { ...status, resetMs: Math.max(0, status.resetMs - soonerMs) };
  });
  return { tenantId, units, charges: charged, consumed: { ...consumed, statuses } };
}
