import type { Clock } from "@scale/core";
import type { ScriptRunner } from "@scale/core/redis";
import type { LedgerAddress, UsageLedger } from "../ledger/types.js";
import { KEEP_OUTCOME_MS, type UsageAddress, type UsageChange } from "../store.js";
import { DEFAULT_THRESHOLDS } from "../../plan/thresholds.js";
import { countKeys } from "./keys.js";

/** Dependencies that all parts of the Redis store share. */
export interface RedisUsageContext {
  readonly runner: ScriptRunner;
  readonly prefix: string;
  readonly ledger: UsageLedger | undefined;
  readonly clock: Clock;
  /** How long the state of an id is kept, in milliseconds. */
  readonly rememberMs: number;
  /** Time argument of the scripts: "" for the server's own clock. */
  now(): string;
}

/** One count, with the keys and arguments that the scripts need. */
export interface Count {
  readonly address: LedgerAddress;
  readonly keys: ReturnType<typeof countKeys>;
  /** Limit and thresholds that decide which of them were published for the units in the ledger. */
  readonly limit: number;
  readonly thresholds: readonly number[];
  /** Milliseconds from now until its keys expire, as a string. */
  readonly keptMs: string;
}

/** Time after the end of a period in which holds may still be committed late. */
const MARGIN_MS = 2 * KEEP_OUTCOME_MS;
/** A count without an end expires when it was not used for this long; with a ledger it is loaded again from there. */
const MAX_KEPT_MS = 400 * 86_400_000;

/** `limit` 0 publishes no threshold for the units in the ledger: the next commit knows the limit and publishes them. */
export function countOf(
  { prefix, clock }: RedisUsageContext,
  { tenantId, metric, period, limit = 0, thresholds = DEFAULT_THRESHOLDS }: UsageAddress & Partial<UsageChange>,
): Count {
  const address = { tenantId, metric, period: period.key };
  const leftMs = Math.ceil(Math.max(0, period.endsAt - clock.now())) + MARGIN_MS;
  return {
    address,
    keys: countKeys(prefix, address),
    limit,
    thresholds,
    keptMs: String(Math.min(leftMs, MAX_KEPT_MS)),
  };
}

/** Numbers in the reply of a script. */
export const numbers = (reply: unknown): readonly number[] => (Array.isArray(reply) ? reply.map(Number) : []);
