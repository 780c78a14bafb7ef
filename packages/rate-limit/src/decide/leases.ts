import type { Clock } from "@scale/core";
import { createRecent } from "./generational-map.js";
import type { Charge, RefundRequest, RuleStatus, ConsumeRequest, ConsumeResult } from "../types.js";

/**
 * Units of one rule and subject that this process was given in advance. They were charged when they were given, so that
 * nothing is admitted that the store did not count, and they are worth nothing when their time is over: in any stretch
 * of time all processes together admit at most what the rule admits in that stretch and one lease more.
 */
interface Lease {
  units: number;
  /** Milliseconds of the monotonic clock. */
  readonly until: number;
  readonly givenAt: number;
  /** Units that this grant had. */
  readonly granted: number;
  /** Where the rule stood when the units were given. */
  readonly standing: RuleStatus;
  /** Settles when the question that asks for more has its answer. */
  asking: Promise<unknown> | undefined;
}

/** What the leases make of a question: an answer, one that is on its way, or what is left to ask. */
export type Leased =
  | { readonly kind: "taken"; readonly taken: ConsumeResult }
  | { readonly kind: "wait"; readonly until: Promise<unknown> }
  | {
      readonly kind: "ask";
      readonly take: ConsumeRequest;
      /** Puts the store's answer and what was decided here together. What the leases gave for a denial goes back. */
      merge(answer: Promise<ConsumeResult>): Promise<ConsumeResult>;
    };

/** An answer that was given without asking, and what it was given of. */
interface SpentLeases extends ConsumeResult {
  readonly leases: readonly Lease[];
}

const isSpent = (taken: ConsumeResult): taken is SpentLeases => "leases" in taken;

export interface Leases {
  /** @param mayWait false for a question that has waited: it asks for itself */
  take(take: ConsumeRequest, mayWait: boolean): Leased;
  /** Puts units back into what this process still holds. */
  give(give: RefundRequest): void;
}

/** Of each generation of what is remembered. A lease that is forgotten early wastes its units. */
const MAX_LEASES = 10_000;
/** Units of a first grant. Each grant that is used up doubles the next. */
const FIRST_GRANT = 8;

/** True when a question has something to gain from `createLeases`. */
export const isLeased = ({ cost, charges }: ConsumeRequest): boolean =>
  cost > 0 && charges.some(({ rule }) => rule.leaseMs > 0);

export function createLeases(clock: Clock): Leases {
  const recent = createRecent<Lease>(MAX_LEASES);

  const leaseOf = (tenantId: string, charge: Charge): Lease | undefined =>
    charge.rule.leaseMs > 0 ? recent.get(tenantId, charge) : undefined;

  function spend(leases: readonly (Lease | undefined)[], units: number): void {
    for (const lease of leases) if (lease !== undefined) lease.units -= units;
  }

  /** The lease of each charge that holds enough. */
  function coverOf({ tenantId, cost, charges }: ConsumeRequest, now: number): (Lease | undefined)[] {
    const covered: (Lease | undefined)[] = [];
    for (let i = 0; i < charges.length; i++) {
      const lease = leaseOf(tenantId, charges[i] as Charge);
      covered.push(lease !== undefined && lease.until > now && lease.units >= cost ? lease : undefined);
    }
    return covered;
  }

  function spendAll({ cost }: ConsumeRequest, leases: readonly Lease[], now: number): Leased {
    const statuses: RuleStatus[] = [];
    for (const lease of leases) {
      lease.units -= cost;
      statuses.push(standingOf(lease, now));
    }
    const taken: SpentLeases = { allowed: true, atMs: 0, statuses, leases };
    return { kind: "taken", taken };
  }

  /** Keeps what was granted to the question that asked for it. */
  function keep(take: ConsumeRequest, taken: ConsumeResult, sentAt: number): void {
    take.charges.forEach((charge, i) => {
      const standing = taken.statuses[i];
      if (charge.want === undefined || standing === undefined) return;
      const { granted = 0 } = standing;
      const until = sentAt + charge.rule.leaseMs;
      const lease = { units: granted, granted, givenAt: sentAt, until, standing, asking: undefined };
      recent.set(take.tenantId, charge, lease);
    });
  }

  /** The question to the store about the charges that no lease covers, and what becomes of its answer. */
  function ask(take: ConsumeRequest, covered: readonly (Lease | undefined)[], now: number): Leased {
    const open = take.charges
      .filter((_, i) => covered[i] === undefined)
      .map((charge) => withWant(charge, leaseOf(take.tenantId, charge), { cost: take.cost, now }));
    const question = { ...take, charges: open };
    spend(covered, take.cost);
    return {
      kind: "ask",
      take: question,
      async merge(answer) {
        const asking = answer.catch(() => undefined);
        for (const charge of open) if (charge.want !== undefined) markAsking(take.tenantId, charge, asking);
        let taken: ConsumeResult | undefined;
        try {
          taken = await answer;
        } finally {
          if (taken?.allowed !== true) spend(covered, -take.cost);
        }
        keep(question, taken, now);
        const answers = taken.statuses.values();
        const statuses = covered.map((lease) => (lease === undefined ? next(answers) : standingOf(lease, now)));
        return { ...taken, statuses };
      },
    };
  }

  function markAsking(tenantId: string, charge: Charge, asking: Promise<unknown>): void {
    const lease = leaseOf(tenantId, charge);
    if (lease !== undefined) lease.asking = asking;
    else recent.set(tenantId, charge, { ...NO_LEASE, asking });
    void asking.then(() => {
      const now = leaseOf(tenantId, charge);
      if (now?.asking === asking) now.asking = undefined;
    });
  }

  return {
    take(take, mayWait) {
      const now = clock.monotonic();
      const covered = coverOf(take, now);
      if (!covered.includes(undefined)) return spendAll(take, covered as readonly Lease[], now);
      const { tenantId, charges } = take;
      const asking = mayWait
        ? charges.find((charge, i) => covered[i] === undefined && leaseOf(tenantId, charge)?.asking !== undefined)
        : undefined;
      const until = asking && leaseOf(tenantId, asking)?.asking;
      return until === undefined ? ask(take, covered, now) : { kind: "wait", until };
    },
    give({ consumed, units }) {
      // To the very lease that they came of: into a later one they would come back to life.
      if (isSpent(consumed)) spend(consumed.leases, -units);
    },
  };
}

const NO_LEASE = {
  units: 0,
  granted: 0,
  givenAt: 0,
  until: 0,
  standing: { remaining: 0, resetMs: 0, retryAfterMs: 0 },
};

/** Asks for what the last grant lacked or left over, and never for more than flows in during a lease. */
function withWant(charge: Charge, last: Lease | undefined, { cost, now }: { cost: number; now: number }): Charge {
  const { leaseMs, limit, windowMs } = charge.rule;
  // Somebody asks for more already.
  if (leaseMs === 0 || last?.asking !== undefined) return charge;
  const most = Math.max(1, Math.ceil((limit / windowMs) * leaseMs));
  const wasEnough = last !== undefined && last.until <= now && last.units > 0;
  const spent = last === undefined ? 0 : last.granted - last.units;
  const units = wasEnough ? spent : Math.max(2 * spent, FIRST_GRANT * cost);
  return { ...charge, want: Math.min(units, most) };
}

function standingOf({ units, givenAt, standing }: Lease, now: number): RuleStatus {
  const resetMs = Math.max(0, Math.ceil(standing.resetMs - (now - givenAt)));
  return { remaining: standing.remaining + units, resetMs, retryAfterMs: 0 };
}

const next = (answers: Iterator<RuleStatus>): RuleStatus => answers.next().value as RuleStatus;
