import { ScaleError, type Upgrade } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { QuotaRefusal } from "./types.js";

/**
 * The plan of the tenant has no room for what was asked. Thrown inside a transaction it makes that roll back.
 * `status` is 402 when a larger plan would have admitted it, 403 when none would.
 */
export class QuotaExceeded extends ScaleError implements QuotaRefusal {
  readonly status: 402 | 403;
  readonly tenantId: string;
  readonly metric: string;
  readonly plan: string;
  readonly limit: number;
  readonly max: number;
  readonly used: number;
  readonly held: number;
  readonly requested: number;
  readonly upgrade: Upgrade | undefined;
  readonly resetsAt: number | undefined;
  /** What the client may be told. */
  readonly problem: QuotaProblem;

  constructor(refusal: QuotaRefusal) {
    super("SCALE_QUOTA", sentence(refusal));
    this.status = refusal.upgrade === undefined ? 403 : 402;
    this.tenantId = refusal.tenantId;
    this.metric = refusal.metric;
    this.plan = refusal.plan;
    this.limit = refusal.limit;
    this.max = refusal.max;
    this.used = refusal.used;
    this.held = refusal.held;
    this.requested = refusal.requested;
    this.upgrade = refusal.upgrade;
    this.resetsAt = refusal.resetsAt;
    this.problem = problemOf(refusal);
  }
}

/** What the client may be told, for an answer with `status`: the members of a problem document beside its title. */
export interface QuotaProblem {
  readonly detail: string;
  readonly metric: string;
  readonly plan: string;
  readonly limit: number;
  /** Above `limit` where the plan admits more than it includes. */
  readonly max: number;
  readonly used: number;
  readonly held: number;
  readonly requested: number;
  /** When the count starts again from 0. */
  readonly resetsAt?: string;
  readonly upgrade?: Upgrade;
}

function problemOf(refusal: QuotaRefusal): QuotaProblem {
  const { metric, plan, limit, max, used, held, requested, resetsAt, upgrade } = refusal;
  const taken = held === 0 ? `${used} are used` : `${used} are used and ${held} are reserved`;
  const offer = upgrade === undefined ? "" : ` The plan ${upgrade.to} has room for that.`;
  return {
    detail: `The plan ${plan} admits ${max} of ${metric}: ${taken}, and ${requested} more were asked for.${offer}`,
    ...{ metric, plan, limit, max, used, held, requested },
    ...(resetsAt !== undefined && { resetsAt: new Date(resetsAt).toISOString() }),
    ...(upgrade !== undefined && { upgrade }),
  };
}

function sentence({ metric, plan, max, used, held, requested }: QuotaRefusal): string {
  const taken = held === 0 ? `${used}` : `${used} used and ${held} held`;
  return `quota ${metric} of plan ${describeValue(plan)}: ${taken} of ${max}, no room for ${requested} more`;
}
