import { isScaleError } from "@scale/core";
import { admit } from "../plan/admit.js";
import type { Failing, UsageAsked } from "./usage-quota.js";
import type { CommitOutcome, OverReserved, UsageStore } from "../types.js";
import { checkUnits } from "../plan/units.js";

export interface CommitOptions {
  /**
   * What happens to units above what was reserved, where there is no room for them: `overflow` records them, `cap`
   * leaves them out, `reject` records nothing and leaves the hold as it is.
   * @default "overflow"
   */
  readonly over?: OverReserved;
}

export interface Committed {
  /** False for `reject` alone. */
  readonly committed: boolean;
  /** Units that were recorded; 0 for an unlimited metric, and when the store did not answer and that was let pass. */
  readonly recorded: number;
  /** True when the hold had expired: the units are recorded all the same. */
  readonly late: boolean;
  /** Units used in the period; `undefined` where none are counted. */
  readonly used: number | undefined;
  readonly overage: boolean;
}

/** Room that is held for work until it is known what the work took. */
export interface Reservation extends AsyncDisposable {
  readonly admitted: true;
  readonly id: string;
  readonly metric: string;
  readonly plan: string;
  /** Units that are held. */
  readonly units: number;
  /** Units used in the period, and held by all; `undefined` where none are counted. */
  readonly used: number | undefined;
  readonly held: number | undefined;
  /**
   * Records what was really used, in the period of the reservation, and drops the hold. Once is enough: the same id is
   * recorded once.
   * @param units those reserved, unless told otherwise
   */
  commit(units?: number, options?: CommitOptions): Promise<Committed>;
  /**
   * Drops the hold. At the end of `await using` it happens by itself unless the units were committed; a failure there
   * is only published, and the hold expires.
   */
  release(): Promise<void>;
}

export interface ReservationParts {
  readonly asked: UsageAsked;
  readonly id: string;
  readonly used: number | undefined;
  readonly held: number | undefined;
  readonly store: UsageStore;
  readonly failing: Failing;
}

const UNCOUNTED: Committed = { committed: true, recorded: 0, late: false, used: undefined, overage: false };

export function createReservation({ asked, id, used, held, store, failing }: ReservationParts): Reservation {
  const { grant, period, units: reserved } = asked;
  const { tenantId, metric, plan, limit, max } = grant;
  const address = { tenantId, metric, period, id };
  const isCounted = grant.kind !== "unlimited";
  let over = !isCounted;

  async function commit(units = reserved, options: CommitOptions = {}): Promise<Committed> {
    checkUnits(units, metric);
    if (!isCounted) return UNCOUNTED;
    const input = { ...address, units, max, limit, over: options.over ?? "overflow" } as const;
    const outcome = await failing([asked], () => store.commit(input));
    over = outcome?.committed ?? true;
    return outcome === undefined ? UNCOUNTED : committedBy(asked, outcome);
  }

  async function release(): Promise<void> {
    over = true;
    if (isCounted) await store.release(address);
  }

  async function dispose(): Promise<void> {
    if (over) return;
    over = true;
    try {
      await failing([asked], () => store.release(address));
    } catch (error) {
      // Published by now, and the hold expires; what the work itself threw must not be lost for it.
      if (!isScaleError(error)) throw error;
    }
  }

  return {
    ...{ admitted: true, id, metric, plan, units: reserved, used, held, commit, release },
    [Symbol.asyncDispose]: dispose,
  };
}

function committedBy({ grant, period }: UsageAsked, outcome: CommitOutcome): Committed {
  const { committed, recorded, late, repeated, reached, used } = outcome;
  const before = repeated ? used : used - recorded;
  const { overage } = admit({ grant, units: recorded, before, used, reached, period: period.key });
  return { committed, recorded, late, used, overage };
}
