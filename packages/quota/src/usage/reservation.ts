import { isScaleError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { admit, recordOf, type UnitsByMetric } from "../plan/admit.js";
import { checkUnits } from "../plan/units.js";
import type { FailurePolicy } from "./failure-policy.js";
import type { UsageRequest } from "./requests.js";
import type { ChangeOutcome, CommitOutcome, OverReserved, UsageAddress, UsageStore } from "./store.js";

/** Result of committing one metric. */
export interface Committed {
  /** False for `over: "reject"` alone: nothing was recorded, and the hold stays. */
  readonly committed: boolean;
  /** Units that were recorded; 0 for an unlimited metric, and when the store did not answer and the use was admitted. */
  readonly recorded: number;
  /** True when the hold had expired: the units are recorded all the same. */
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
   * each metric is recorded once for an id.
   * @param units metrics to commit; the others stay held. 0 units drop a hold and record nothing.
   *   @default the reserved units of all metrics
   * @param options.over treatment of units above the reserved ones when there is no room for them: `overflow` records
   *   them, `cap` leaves them out, `reject` records nothing of that metric and keeps its hold. @default "overflow"
   */
  commit<Some extends Name = Name>(
    units?: UnitsByMetric<Some>,
    options?: { readonly over?: OverReserved },
  ): Promise<Readonly<Record<Some, Committed>>>;
  /**
   * Drops the holds that were not committed. At the end of `await using` that happens without a call; a failure there is
   * only published, and the hold expires.
   */
  release(): Promise<void>;
}

const UNCOUNTED: Committed = { committed: true, recorded: 0, late: false, used: undefined, overage: false };

/** `outcomes` is undefined when the store did not answer and the use was admitted. */
export function createReservation<Name extends string>({
  requests,
  id,
  outcomes,
  store,
  failurePolicy,
}: {
  readonly requests: readonly UsageRequest[];
  readonly id: string;
  readonly outcomes: ReadonlyMap<string, ChangeOutcome> | undefined;
  readonly store: UsageStore;
  readonly failurePolicy: FailurePolicy;
}): Reservation<Name> {
  const counted = requests.filter(({ grant }) => grant.kind !== "unlimited");
  const open = new Set(counted);
  const releaseOne = (request: UsageRequest): Promise<void> => store.release({ ...addressOf(request), id });

  async function commitOne(request: UsageRequest, units: number, over: OverReserved): Promise<Committed> {
    if (!counted.includes(request)) return UNCOUNTED;
    const { limit, max } = request.grant;
    const input = { ...addressOf(request), id, units, limit, max, over };
    const outcome = await failurePolicy([request], () => store.commit(input));
    if (outcome?.committed ?? true) open.delete(request);
    return outcome === undefined ? UNCOUNTED : committedOf(request, outcome);
  }

  return {
    admitted: true,
    id,
    metrics: recordOf(requests.map((request) => [request.grant.metric, heldOf(request, outcomes)])),
    async commit(units, { over = "overflow" } = {}) {
      const commits = commitsOf(requests, units);
      // Waits for all of them, also when one fails: a release must not overtake a commit that is under way.
      const results = await Promise.allSettled(commits.map((one) => commitOne(one.request, one.units, over)));
      return recordOf(results.map((result, i) => [commits[i]?.request.grant.metric ?? "", valueOf(result)]));
    },
    async release() {
      open.clear();
      await Promise.all(counted.map(releaseOne));
    },
    async [Symbol.asyncDispose]() {
      const left = [...open];
      open.clear();
      await Promise.all(left.map((request) => releaseQuietly(request, { failurePolicy, releaseOne })));
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

/** Throwing would replace the error of the work itself: the failure is published, and the hold expires. */
async function releaseQuietly(
  request: UsageRequest,
  { failurePolicy, releaseOne }: { failurePolicy: FailurePolicy; releaseOne(request: UsageRequest): Promise<void> },
): Promise<void> {
  try {
    await failurePolicy([request], () => releaseOne(request));
  } catch (error) {
    if (!isScaleError(error)) throw error;
  }
}

const addressOf = ({ grant: { tenantId, metric }, period }: UsageRequest): UsageAddress => ({
  tenantId,
  metric,
  period,
});

function heldOf(
  { grant: { plan, metric }, units }: UsageRequest,
  outcomes: ReadonlyMap<string, ChangeOutcome> | undefined,
): Reservation["metrics"][string] {
  const { used, held } = outcomes?.get(metric) ?? {};
  return { plan, units, used, held };
}

function committedOf({ grant, period }: UsageRequest, outcome: CommitOutcome): Committed {
  const { committed, recorded, late, repeated, reached, used } = outcome;
  const before = repeated ? used : used - recorded;
  const { overage } = admit({ grant, units: recorded, before, used, reached, period: period.key });
  return { committed, recorded, late, used, overage };
}
