import { ScaleError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { QuotaRefusal } from "./types.js";

/**
 * The tenant's plan has no room for the units. Thrown inside a transaction, it makes that transaction roll back.
 * `status` is 402 when a larger plan would have admitted the units, 403 when none would.
 */
export class QuotaExceeded extends ScaleError {
  readonly status: 402 | 403;
  /** The refused metric: the first one that had no room. */
  readonly refusal: QuotaRefusal;
  /** Members of the problem document that a client may see. */
  readonly problem: Readonly<Record<string, unknown>> & { readonly detail: string };

  constructor(refusal: QuotaRefusal) {
    super("SCALE_QUOTA", messageOf(refusal));
    this.status = refusal.upgrade === undefined ? 403 : 402;
    this.refusal = refusal;
    this.problem = problemOf(refusal);
  }
}

// Without `tenantId`: the client does not need it. Times become ISO strings.
function problemOf(refusal: QuotaRefusal): QuotaExceeded["problem"] {
  const { metric, plan, limit, max, used, held, requested, resetsAt, upgrade } = refusal;
  const taken = held === 0 ? `${used} are used` : `${used} are used and ${held} are reserved`;
  const offer = upgrade === undefined ? "" : ` The plan ${upgrade.to} has room for that.`;
  return {
    detail: `The plan ${plan} admits ${max} of ${metric}: ${taken}, and ${requested} more were requested.${offer}`,
    ...{ metric, plan, limit, max, used, held, requested },
    ...(resetsAt !== undefined && { resetsAt: new Date(resetsAt).toISOString() }),
    ...(upgrade !== undefined && { upgrade }),
  };
}

function messageOf({ metric, plan, max, used, held, requested }: QuotaRefusal): string {
  const taken = held === 0 ? `${used}` : `${used} used and ${held} held`;
  return `quota ${metric} of plan ${describeValue(plan)}: ${taken} of ${max}, no room for ${requested} more`;
}

/**
 * An id was used for other units or metrics, and these are still held or used. Nothing was counted by this call.
 * Source: Stripe's API, `idempotency_error`.
 */
export class IdempotencyError extends ScaleError {
  readonly status = 409;

  constructor(message: string) {
    super("SCALE_IDEMPOTENCY", message);
  }
}
