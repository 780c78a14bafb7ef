import { isScaleError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { admit, type Refused, type UnitsByMetric, type Use } from "../plan/admit.js";
import type { Asked, Grant, QuotaContext } from "../plan/grant.js";
import { storeFail } from "../events.js";
import type { UsageFailurePolicy } from "../options.js";
import { createReservation, type Reservation } from "./reservation.js";
import type { Periods } from "../plan/standings.js";
import { resetsAt } from "../plan/status.js";
import type { Period, UsageMetric } from "../types.js";
import { checkUnits } from "../plan/units.js";
import type { BulkUsageStore, ChargeOutcome, UsageCharge } from "./store.js";

export interface ReserveOptions {
  /**
   * Names the work: asked again, the same id gets the same answer and is held once. At most 1024 characters, and of
   * the application's making: who chooses the ids of two uses may have the second for nothing.
   * @default a random one
   */
  readonly id?: string;
  /**
   * Milliseconds after which the hold falls away when it was neither committed nor released, up to 24 hours.
   * @default 60_000
   */
  readonly ttlMs?: number;
}

export interface ConsumeOptions {
  /** Names the work, as for `reserve`: a use of the same id counts once. Without one every call counts. */
  readonly id?: string;
}

/** One metric of a call, with what the plan and the calendar say of it. */
export interface UsageAsked {
  readonly grant: Grant;
  readonly units: number;
  readonly period: Period;
}

export interface UsageQuota {
  tryReserve(
    tenantId: string,
    units: UnitsByMetric,
    options: ReserveOptions,
  ): Promise<Refused | readonly Reservation[]>;
  tryConsume(tenantId: string, units: UnitsByMetric, options: ConsumeOptions): Promise<Refused | readonly Use[]>;
}

export interface UsageQuotaOptions {
  readonly metrics: ReadonlyMap<string, UsageMetric>;
  readonly store: BulkUsageStore;
  readonly context: QuotaContext;
  readonly periods: Periods;
  readonly whenFails: { readonly hard: UsageFailurePolicy; readonly soft: UsageFailurePolicy };
}

type Outcomes = ReadonlyMap<string, Pick<ChargeOutcome, "admitted" | "used" | "held" | "repeated" | "reached">>;
type Ask = (charges: readonly UsageCharge[]) => Promise<{ readonly charges: readonly ChargeOutcome[] }>;

const DEFAULT_TTL_MS = 60_000;

export function createUsageQuota(options: UsageQuotaOptions): UsageQuota {
  const { store, context } = options;
  const failing = createFailing(options);

  /** What becomes of a call: `answer` says what it gets, unless a metric has no room. */
  async function decide<T>(
    all: readonly UsageAsked[],
    ask: Ask,
    answer: (asked: UsageAsked, outcomes: Outcomes | undefined) => T,
  ): Promise<Refused | readonly T[]> {
    const counted = all.filter(({ grant }) => grant.kind !== "unlimited");
    const outcomes = await failing(counted, () => outcomesOf(store, counted, ask));
    const refused = all.flatMap((one) => refusedBy(one, outcomes));
    if (refused.length > 0) return { admitted: false, refusals: context.refuse(refused) };
    return all.map((one) => answer(one, outcomes));
  }

  return {
    async tryConsume(tenantId, units, { id }) {
      const named = { tenantId, ...(id !== undefined && { id }) };
      return decide(
        await askedOf(options, tenantId, units),
        (charges) => store.useAll({ ...named, charges }),
        admittedBy,
      );
    },
    async tryReserve(tenantId, units, { id = crypto.randomUUID(), ttlMs = DEFAULT_TTL_MS }) {
      return decide(
        await askedOf(options, tenantId, units),
        (charges) => store.reserveAll({ tenantId, id, ttlMs, charges }),
        (asked, outcomes) => {
          const { used, held } = outcomes?.get(asked.grant.metric) ?? {};
          return createReservation({ asked, id, used, held, store, failing });
        },
      );
    },
  };
}

/** Asks the store: first about what is only asked, and for the rest when all of that has room. */
async function outcomesOf(store: BulkUsageStore, counted: readonly UsageAsked[], ask: Ask): Promise<Outcomes> {
  const questions = counted.filter(({ units }) => units === 0);
  const charges = counted.filter(({ units }) => units > 0).map(chargeOf);
  const peeked = await peek(store, questions);
  const room = peeked.every(({ admitted }) => admitted);
  const answered = charges.length > 0 && room ? (await ask(charges)).charges : [];
  return new Map([...peeked, ...answered].map((outcome) => [outcome.metric, outcome]));
}

async function askedOf(
  { metrics, context, periods }: UsageQuotaOptions,
  tenantId: string,
  units: UnitsByMetric,
): Promise<readonly UsageAsked[]> {
  const wanted = Object.entries(units).map(([metric, n]) => {
    if (metrics.has(metric)) return { metric, units: checkUnits(n, metric) };
    throw new TypeError(
      `expected a usage metric, one of ${[...metrics.keys()].join(", ")}, got ${describeValue(metric)}`,
    );
  });
  const all: UsageAsked[] = [];
  for (const { metric, units: n } of wanted) {
    const grant = await context.grant(tenantId, metric);
    all.push({ grant, units: n, period: await periods(tenantId, metric) });
  }
  return all;
}

const chargeOf = ({ grant: { metric, limit, max }, units, period }: UsageAsked): UsageCharge => {
  return { metric, limit, max, units, period };
};

/** What 0 units ask: whether one would be admitted. */
async function peek(store: BulkUsageStore, asked: readonly UsageAsked[]): Promise<readonly ChargeOutcome[]> {
  const [first] = asked;
  if (first === undefined) return [];
  const metrics = asked.map(({ grant: { metric }, period }) => ({ metric, period }));
  const found = await store.read({ tenantId: first.grant.tenantId, metrics });
  return asked.map(({ grant: { metric, max } }, i) => {
    const { used = 0, held = 0 } = found[i] ?? {};
    return { metric, admitted: used + held + 1 <= max, used, held, repeated: false, reached: [] };
  });
}

function refusedBy({ grant, units, period }: UsageAsked, outcomes: Outcomes | undefined): readonly Asked[] {
  const outcome = outcomes?.get(grant.metric);
  if (outcome === undefined || outcome.admitted) return [];
  const { used, held } = outcome;
  return [{ grant, used, held, requested: Math.max(units, 1), resetsAt: resetsAt(period) }];
}

function admittedBy({ grant, units, period }: UsageAsked, outcomes: Outcomes | undefined): Use {
  const { used, repeated = true, reached = [] } = outcomes?.get(grant.metric) ?? {};
  const before = used === undefined || repeated ? (used ?? 0) : used - units;
  return admit({ grant, units, before, used, reached, period: period.key });
}

/** Runs a question to the store; `undefined` when it could not be answered and `whenUsageFails` lets that pass. */
export type Failing = <T>(asked: readonly UsageAsked[], question: () => Promise<T>) => Promise<T | undefined>;

function createFailing({ whenFails }: Pick<UsageQuotaOptions, "whenFails">): Failing {
  return async (asked, question) => {
    try {
      return await question();
    } catch (error) {
      const [first] = asked;
      if (first === undefined || !(isScaleError(error, "SCALE_STORE") || isScaleError(error, "SCALE_TIMEOUT")))
        throw error;
      const { tenantId } = first.grant;
      const passes = asked.every(({ grant: { kind } }) => whenFails[kind === "soft" ? "soft" : "hard"] === "allow");
      const metrics = asked.map(({ grant }) => grant.metric);
      storeFail.publish(() => ({ tenantId, metrics, decided: passes ? "allow" : "throw", error }));
      if (!passes) throw error;
      return undefined;
    }
  };
}
