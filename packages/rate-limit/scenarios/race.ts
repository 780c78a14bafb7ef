import type { RateLimitRule, RateLimitRuleInput, RateLimitRulesInput } from "@scale/core";
import { packageFile, type ProcessPool, startProcessPool } from "@scale/testkit";

/** The work of each process of a race. */
export interface RaceAsk {
  readonly name: string;
  readonly rules: RateLimitRulesInput;
  readonly userId?: string;
  readonly asks: number;
  /** Requests that one process has in flight. More than one are sent in batches. */
  readonly inFlight: number;
}

export const ALGORITHMS: readonly RateLimitRule["algorithm"][] = [
  "gcra",
  "sliding-window",
  "strict-window",
  "fixed-window",
  "concurrency",
];

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** A rule that frees no unit during a race: no window of it ends within an hour. */
export function stillRule(
  algorithm: RateLimitRule["algorithm"],
  limit: number,
  now: number,
): Exclude<RateLimitRuleInput, "unlimited"> {
  if (algorithm === "concurrency") return { algorithm, limit, ttl: HOUR_MS };
  const lengths = [400 * DAY_MS, 390 * DAY_MS, 380 * DAY_MS];
  const window = lengths.find((length) => length - (now % length) > HOUR_MS) ?? DAY_MS;
  return { algorithm, limit, window };
}

/** Processes that race each other for the same limits on one Redis. */
export interface Racers {
  /** @returns how many requests all of them were admitted */
  run(ask: RaceAsk): Promise<number>;
  close(): Promise<void>;
}

export async function startRacers(args: { url: string; prefix: string }): Promise<Racers> {
  const script = packageFile(import.meta.url, "@scale/rate-limit", "scenarios/race.worker.ts");
  const pool: ProcessPool<number> = await startProcessPool({ size: 4, script, args, parse: Number });
  return {
    run: async (ask) => (await pool.all(ask)).reduce((sum, admitted) => sum + admitted, 0),
    close: () => pool.close(),
  };
}
