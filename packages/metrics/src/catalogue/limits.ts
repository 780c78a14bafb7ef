import {
  type CatalogueRow,
  counter,
  gauge,
  isMessage,
  numberOf,
  seconds,
  secondsOf,
  tenantCounter,
  textOf,
} from "./row.js";

/** Subject of decisions that are about no tenant. */
const WITHOUT_TENANT = "~no-tenant";
const decided = "scale:rate-limit:request-decide";

export const limits: readonly CatalogueRow[] = [
  counter(
    "scale_plan_fallbacks_total",
    "scale:core:plan-fallback",
    "Plan lookups answered by an earlier plan or by the fallback plan.",
    {
      labels: ["used"],
    },
  ),
  gauge(
    "scale_redis_stalled",
    "scale:core:redis-stall",
    "1 while a Redis server does not answer within its deadline.",
    {
      labels: ["lane"],
      read: (message) => ({ value: message["stalled"] === true ? 1 : 0 }),
    },
  ),
  tenantCounter("scale_rate_limit_decisions_total", decided, "Requests that a rate limiter decided.", {
    labels: ["limiter", "outcome", "decided_by"],
    read: (message) => {
      const decision = message["decision"];
      if (!isMessage(decision) || decision["cost"] === 0) return undefined;
      const tenantId = textOf(message, "tenantId");
      const outcome = decision["allowed"] === true ? "allowed" : "denied";
      return {
        labels: { outcome, decided_by: textOf(decision, "decidedBy") },
        tenantId: tenantId === WITHOUT_TENANT ? "" : tenantId,
      };
    },
  }),
  counter(
    "scale_rate_limit_store_failures_total",
    "scale:rate-limit:store-fail",
    "Decisions that the store of a limiter could not make.",
    {
      labels: ["limiter"],
    },
  ),
  tenantCounter(
    "scale_rate_limit_slots_lost_total",
    "scale:rate-limit:slot-lose",
    "Concurrency slots that were not renewed in time.",
    {
      labels: ["limiter"],
    },
  ),
  tenantCounter(
    "scale_rate_limit_wait_refusals_total",
    "scale:rate-limit:wait-refuse",
    "Requests that a wait queue refused.",
    {
      labels: ["limiter", "reason"],
    },
  ),
  tenantCounter(
    "scale_rate_limit_refund_failures_total",
    "scale:rate-limit:refund-fail",
    "Requests whose units could not be given back.",
    {
      labels: ["limiter"],
    },
  ),
  counter(
    "scale_rate_limit_setup_warnings_total",
    "scale:rate-limit:setup-warn",
    "Mistakes in the setup of a limiter.",
    {
      labels: ["limiter", "code"],
    },
  ),
  tenantCounter("scale_quota_refusals_total", "scale:quota:use-refuse", "Uses that a quota refused.", {
    labels: ["metric"],
  }),
  tenantCounter("scale_quota_overage_units_total", "scale:quota:overage-use", "Units above the limit of the plan.", {
    labels: ["metric"],
    read: (message) => ({ value: numberOf(message, "units") ?? 0 }),
  }),
  tenantCounter(
    "scale_quota_thresholds_reached_total",
    "scale:quota:threshold-reach",
    "Thresholds of a quota that usage reached.",
    {
      labels: ["metric", "threshold"],
    },
  ),
  counter("scale_quota_drifts_total", "scale:quota:drift-find", "Counters that differed from what they count.", {
    labels: ["metric", "corrected"],
  }),
  counter("scale_quota_store_failures_total", "scale:quota:store-fail", "Calls that the usage store did not answer.", {
    labels: ["decided"],
  }),
  counter("scale_quota_ledger_failures_total", "scale:quota:ledger-fail", "Failed writes of usage to the ledger."),
  counter(
    "scale_quota_repeat_failures_total",
    "scale:quota:repeat-fail",
    "Calls to the usage store that are no longer repeated.",
    {
      labels: ["what"],
    },
  ),
  seconds("scale_rate_limit_wait_seconds", "scale:rate-limit:wait-refuse", "Time that refused requests waited.", {
    labels: ["limiter"],
    read: secondsOf("waitedMs"),
  }),
];
