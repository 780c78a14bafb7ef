import { seededRandom } from "@scale/testkit";
import type { SeededTenant } from "../db/seed.js";

/** Expected requests of each tenant over time: quiet hours, bursts, and one tenant that attacks now and then. */
export interface Schedule {
  /** Requests per second of each tenant at a time, in seconds since the start. Times must not go back. */
  ratesAt(second: number): readonly number[];
}

export interface ScheduleOptions {
  readonly tenants: readonly Pick<SeededTenant, "id" | "plan">[];
  /** Requests per second of all tenants together in a busy hour, without bursts. */
  readonly requestsPerSecond: number;
  /** Tenant that attacks. It need not be one of the tenants. */
  readonly attacker: string;
  readonly seed: number;
}

/** A large plan has more users. In these proportions every tenant stays within its limits for most of the time. */
const WEIGHTS: Readonly<Record<SeededTenant["plan"], number>> = { enterprise: 8, professional: 4, basic: 2, free: 0.5 };

/** A day of the demo, and what is left of the traffic in its quietest hour. */
const DAY_SECONDS = 180;
const QUIET = 0.35;

/** A burst: a team that starts to work, a scheduled report, a retry loop of a script. */
const BURST = { everySeconds: 50, lastsSeconds: 4, times: 2.5 } as const;
/** An attack: a script that tries ids and passwords. The rate is a part of the whole traffic. */
const ATTACK = { everySeconds: 80, lastsSeconds: 12, part: 0.25 } as const;

export function createSchedule({ tenants, requestsPerSecond, attacker, seed }: ScheduleOptions): Schedule {
  const random = seededRandom(seed);
  const sizes = tenants.map(({ plan }) => WEIGHTS[plan] * (0.7 + 0.6 * random()));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const bursts = tenants.map((_, at) => createPhases(BURST, seededRandom(seed + 1 + at)));
  const attacks = createPhases(ATTACK, seededRandom(seed + 1 + tenants.length));
  return {
    ratesAt(second) {
      const hour = QUIET + (1 - QUIET) * (0.5 + 0.5 * Math.cos((2 * Math.PI * second) / DAY_SECONDS));
      const isAttack = attacks(second);
      return sizes.map((size, at) => {
        const usual = (requestsPerSecond * hour * size) / total;
        if (isAttack && tenants[at]?.id === attacker) return requestsPerSecond * ATTACK.part;
        return bursts[at]?.(second) === true ? usual * BURST.times : usual;
      });
    },
  };
}

/** Phases that begin at random and last about as long. @returns whether one is on at a time; times must not go back */
function createPhases(
  { everySeconds, lastsSeconds }: { readonly everySeconds: number; readonly lastsSeconds: number },
  random: () => number,
): (second: number) => boolean {
  let from = 0;
  let until = 0;
  function next(): void {
    from = until + everySeconds * (0.5 + random());
    until = from + lastsSeconds * (0.5 + random());
  }
  next();
  return (second) => {
    while (second >= until) next();
    return second >= from;
  };
}

/** Rates of no tenant are negative. @returns an index by its share of the rates; -1 when all are 0 */
export function pickByRate(rates: readonly number[], random: () => number): number {
  const point = random() * rates.reduce((sum, rate) => sum + rate, 0);
  let upTo = 0;
  return rates.findIndex((rate) => point < (upTo += rate));
}
