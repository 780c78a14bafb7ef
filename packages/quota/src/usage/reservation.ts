import { isScaleError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { admit, recordOf, type UnitsByMetric } from "../plan/admit.js";
import { checkUnits } from "../plan/units.js";
import type { OverReserved } from "../types.js";
import type { FailurePolicy } from "./failure-policy.js";
import { changeOf, type UsageRequest } from "./requests.js";
import type { ChangeOutcome, CommitOutcome, UsageAddress, UsageStore } from "./store.js";

/** Result of committing one metric. */
export interface Committed {
  /** False for `over: "reject"` alone: nothing was recorded, and the hold stays. */
  readonly committed: boolean;
  /**
   * Units that were recorded: fewer than the used ones for `over: "cap"`. 0 when the store did not answer and the use was
   * admitted; it records the units later, when it answers.
   */
  readonly recorded: number;
  /** True when the hold had expired, or was released: the units are recorded all the same. */
  readonly late: boolean;
  /** Units used in the period; `undefined` where none are counted. */
  readonly used: number | undefined;
  readonly overage: boolean;
}

/** Room that is held for work until its real size is known. */
export interface Reservation<Name extends string = string> extends AsyncDisposable {
  readonly admitted: true;
  readonly id: string;
  /** Held units of each metric. `used` and `held` are all units of the period; `undefined` where none are counted. */
  readonly metrics: Readonly<
    Record<
      Name,
      {
        readonly plan: string;
        readonly units: number;
        readonly used: number | undefined;
        readonly held: number | undefined;
      }
    >
  >;
  /**
   * Records the units that the work used, in the period of the reservation, and drops their holds. Repeating it is safe:
   * each metric is recorded once for an id, with the units of the first commit. A commit that rejects because the store
   * did not answer in time is recorded later, once.
   * @param units metrics to commit; the others stay held. 0 units drop a hold and record nothing.
   *   @default the reserved units of all metrics
   * @param options.over treatment of units above the reserved ones when the limit has no room for them, hard or soft:
   *   `overflow` records them, and the tenant is above its limit; `cap` records what fits; `reject` records nothing of that
   *   metric and keeps its hold. @default `over` of the metric, "overflow"
   */
  commit<Some extends Name = Name>(
    units?: UnitsByMetric<Some>,
    options?: { readonly over?: OverReserved },
  ): Promise<Readonly<Record<Some, Committed>>>;
  /**
   * Drops the holds that were not committed, after commits that are under way. At the end of `await using` that happens
   * without a call; a failure there is only published. A release that rejects because the store did not answer in time is
   * repeated until it does.
   */
  release(): Promise<void>;
}

const UNCOUNTED: Committed = { committed: true, recorded: 0, late: false, used: undefined, overage: false };

/** `outcomes` is undefined when the store did not answer and the use was admitted. */
export function createReservation<Name extends string>(made: {
  readonly requests: readonly UsageRequest[];
  readonly id: string;
  /** Name of the call that reserved. */
  readonly call: string;
  readonly outcomes: ReadonlyMap<string, ChangeOutcome> | undefined;
  readonly store: UsageStore;
  readonly failurePolicy: FailurePolicy;
}): Reservation<Name> {
  const { id, outcomes, store, failurePolicy } = made;
  // A repeated id is held in the period in which it was reserved first.
  const requests = made.requests.map((one) => ({ ...one, period: outcomes?.get(one.count)?.period ?? one.period }));
  const open = new Set<UsageRequest>(requests);
  const underWay = new Set<Promise<unknown>>();

  async function commitOne(request: UsageRequest, units: number, over: OverReserved | undefined): Promise<Committed> {
    const input = { ...changeOf(request), ...addressOf(request), id, units, over: over ?? request.over };
    const outcome = await failurePolicy.run([request], () => store.commit(input));
    if (outcome?.committed ?? true) open.delete(request);
    return outcome === undefined ? UNCOUNTED : committedOf(request, outcome);
  }

  /** A commit that is under way decides what is left to release: a release that overtakes it frees its room for others. */
  async function committed(): Promise<readonly UsageRequest[]> {
    while (underWay.size > 0) await Promise.allSettled(underWay);
    return [...open];
  }

  async function releaseOne(request: UsageRequest): Promise<void> {
    const { call } = made;
    const { tenantId, ...address } = addressOf(request);
    // The reserve has no answer: it may be carried out after this, and must hold nothing then.
    if (outcomes === undefined)
      await store.cancel({ tenantId, id, call, changes: [{ ...address, units: request.units }] });
    else await store.release({ tenantId, ...address, id, call });
    open.delete(request);
  }

  return {
    admitted: true,
    id,
    metrics: recordOf(requests.map((request) => [request.grant.metric, heldOf(request, outcomes)])),
    async commit(units, { over } = {}) {
      const commits = commitsOf(requests, units);
      // Waits for all of them, also when one fails.
      const all = Promise.allSettled(commits.map((one) => commitOne(one.request, one.units, over)));
      underWay.add(all);
      const results = await all;
      underWay.delete(all);
      return recordOf(results.map((result, i) => [commits[i]?.request.grant.metric ?? "", valueOf(result)]));
    },
    async release() {
      await Promise.all((await committed()).map(releaseOne));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all((await committed()).map((request) => releaseQuietly(request, { failurePolicy, releaseOne })));
    },
  };
}

/** @throws {TypeError} for wrong units, and for metrics that the reservation does not have */
function commitsOf(
  requests: readonly UsageRequest[],
  units: UnitsByMetric | undefined,
): readonly { readonly request: UsageRequest; readonly units: number }[] {
  if (units === undefined) return requests.map((request) => ({ request, units: request.units }));
  return Object.entries(units).map(([metric, n]) => {
    const request = requests.find(({ grant }) => grant.metric === metric);
    if (request !== undefined) return { request, units: checkUnits(n, metric) };
    const known = requests.map(({ grant }) => grant.metric).join(", ");
    throw new TypeError(`commit: expected a metric of the reservation, one of ${known}, got ${describeValue(metric)}`);
  });
}

function valueOf<T>(result: PromiseSettledResult<T>): T {
  if (result.status === "fulfilled") return result.value;
  throw result.reason;
}

/** Throwing would replace the error of the work itself: the failure is published, and the store repeats the release. */
async function releaseQuietly(
  request: UsageRequest,
  { failurePolicy, releaseOne }: { failurePolicy: FailurePolicy; releaseOne(request: UsageRequest): Promise<void> },
): Promise<void> {
  try {
    await failurePolicy.run([request], () => releaseOne(request));
  } catch (error) {
    if (!isScaleError(error)) throw error;
  }
}

const addressOf = ({ grant: { tenantId }, count, period }: UsageRequest): UsageAddress => ({
  tenantId,
  metric: count,
  period,
});

function heldOf(
  { grant: { plan }, units, count }: UsageRequest,
  outcomes: ReadonlyMap<string, ChangeOutcome> | undefined,
): Reservation["metrics"][string] {
  const { used, held } = outcomes?.get(count) ?? {};
  return { plan, units, used: used && Math.max(0, used), held };
}

function committedOf({ grant, period }: UsageRequest, outcome: CommitOutcome): Committed {
  const { committed, recorded, late, repeated, reached } = outcome;
  const before = repeated ? outcome.used : outcome.used - recorded;
  const use = admit({ grant, units: recorded, before, used: outcome.used, reached, period: period.key });
  return { committed, recorded, late, used: use.used, overage: use.overage };
}
