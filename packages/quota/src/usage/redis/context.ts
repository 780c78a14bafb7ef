import type { Clock } from "@scale/core";
import type { ScriptRunner } from "@scale/core/redis";
import type { LedgerAddress, UsageLedger } from "../ledger/types.js";
import type { Period } from "../../types.js";
import { KEEP_OUTCOME_MS } from "../store.js";
import { countKeys, type CountKeys } from "./keys.js";

/** What all parts of the store share. */
export interface Wiring {
  readonly runner: ScriptRunner;
  readonly prefix: string;
  readonly ledger: UsageLedger | undefined;
  readonly clock: Clock;
  /** How long what became of an id is kept, in milliseconds. */
  readonly rememberMs: number;
  /** The time as scripts take it: "" for the server's own. */
  now(): string;
}

/** One count, as the scripts need it. */
export interface Count {
  readonly address: LedgerAddress;
  readonly keys: CountKeys;
  /** Milliseconds from now for which its keys are kept, as text. */
  readonly keptMs: string;
}

/** After the end of a period, for holds that are committed late. */
const MARGIN_MS = 2 * KEEP_OUTCOME_MS;
/** What has no end is forgotten when it was not used for so long; with a ledger it comes back from there. */
const MAX_KEPT_MS = 400 * 86_400_000;

interface CountName {
  readonly tenantId: string;
  readonly metric: string;
  readonly period: Period;
}

export function countOf({ prefix, clock }: Wiring, { tenantId, metric, period }: CountName): Count {
  const address = { tenantId, metric, period: period.key };
  const leftMs = Math.ceil(Math.max(0, period.endsAt - clock.now())) + MARGIN_MS;
  return { address, keys: countKeys(prefix, address), keptMs: String(Math.min(leftMs, MAX_KEPT_MS)) };
}

/** What a script of ours answers with. */
export const numbers = (reply: unknown): readonly number[] => (Array.isArray(reply) ? reply.map(Number) : []);
