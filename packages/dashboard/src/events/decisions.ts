import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Clock } from "@scale/core";
import { inRootContext } from "@scale/core/kit";
import type { TenantDecision } from "../types.js";
import { type Message, text } from "./message.js";
import { type Decided, decisionsOf } from "./decision-texts.js";

/** Keeps the last decisions about each tenant: the rule, what decided, and why. */
export interface DecisionLog {
  start(): void;
  /** Ends the subscriptions. The decisions are kept for another minute. */
  stop(): void;
  /** The newest first. */
  of(tenantId: string): readonly TenantDecision[];
}

const KEPT = 30;
/** Admitted requests that are kept at least. Denials, which need an explanation, take the place of older ones. */
const ADMITTED = 10;
const MAX_TENANTS = 1_000;
/** A viewer whose connection breaks is back within seconds. */
const FORGET_AFTER_MS = 60_000;

export function createDecisionLog(clock: Clock): DecisionLog {
  // In order of the last decision, so that the first key is the tenant without one for the longest time.
  const tenants = new Map<string, TenantDecision[]>();
  const listeners = Object.entries(decisionsOf).map(([name, decide]) => {
    const listener = (message: unknown): void => {
      const { tenantId } = message as Message;
      const decided = typeof tenantId === "string" ? decide(message as Message) : undefined;
      if (decided !== undefined) add(text(tenantId), decided);
    };
    return { name, listener };
  });
  let isOn = false;
  let forgetting: NodeJS.Timeout | undefined;

  function add(tenantId: string, decided: Decided): void {
    const rows = tenants.get(tenantId) ?? [];
    tenants.delete(tenantId);
    tenants.set(tenantId, rows);
    const [oldest] = tenants.keys();
    if (tenants.size > MAX_TENANTS && oldest !== undefined) tenants.delete(oldest);
    record(rows, decided, clock.now());
  }

  return {
    start() {
      if (isOn) return;
      isOn = true;
      clearTimeout(forgetting);
      for (const { name, listener } of listeners) subscribe(name, listener);
    },
    stop() {
      if (!isOn) return;
      isOn = false;
      for (const { name, listener } of listeners) unsubscribe(name, listener);
      forgetting = inRootContext(() => setTimeout(() => tenants.clear(), FORGET_AFTER_MS).unref());
    },
    of: (tenantId) => (tenants.get(text(tenantId)) ?? []).toReversed(),
  };
}

/** The same decision in the same second is one row, with the last reason: a tenant may be admitted a thousand times. */
function record(rows: TenantDecision[], decided: Decided, atMs: number): void {
  const second = Math.floor(atMs / 1000);
  for (let at = rows.length - 1; at >= 0; at--) {
    const row = rows[at];
    if (row === undefined || Math.floor(row.atMs / 1000) !== second) break;
    if (row.allowed === decided.allowed && row.rule === decided.rule && row.by === decided.by) {
      rows[at] = { ...row, why: decided.why, count: row.count + 1 };
      return;
    }
  }
  rows.push({ atMs, count: 1, ...decided });
  if (rows.length > KEPT) rows.splice(oldestToDrop(rows), 1);
}

function oldestToDrop(rows: readonly TenantDecision[]): number {
  const admitted = rows.filter(({ allowed }) => allowed);
  return admitted.length > ADMITTED ? rows.indexOf(admitted[0] as TenantDecision) : 0;
}
