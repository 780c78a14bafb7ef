import type { RateLimitRule } from "@scale/core";
import { integersOf, type Script, type ScriptCall } from "@scale/core/redis";
import type { Charge, ConsumeRequest, ConsumeResult, LateResult, RefundRequest, RuleStatus } from "../types.js";
import { isGcraOnly, statusFromLevel, unexpectedReply } from "./gcra-reply.js";
import { gcraArgs, ruleArgs } from "./rule-args.js";
import { consumeGcra, consume as consumeScript } from "./scripts.gen.js";

/** A request that waits for its part of the reply to a batch. */
export type Pending = { reject(error: unknown): void } & (
  | {
      readonly consume: ConsumeRequest;
      readonly refund?: never;
      readonly late: LateResult | undefined;
      resolve(result: ConsumeResult): void;
    }
  | { readonly consume?: never; readonly refund: RefundRequest; resolve(nothing: undefined): void }
);

/** Builds Redis keys. */
export interface Keys {
  of(tenantId: string, charge: Charge): string;
  /** The block of the rule of a charge. */
  block(tenantId: string, charge: Charge): string;
  /** The mark of a refund, or of a charge beyond the limits. */
  mark(tenantId: string, id: string): string;
}

/**
 * Encodes a batch. Rules, and keys of tenants, that occur more than once are sent once.
 * @returns the script and its call, whose arguments go after the time
 */
export function encodeBatch(batch: readonly Pending[], keysOf: Keys): ScriptCall & { readonly script: Script } {
  return batch.every(({ consume }) => consume !== undefined && isGcraOnly(consume))
    ? encodeGcra(batch, keysOf)
    : encodeAny(batch, keysOf);
}

function encodeGcra(batch: readonly Pending[], keysOf: Keys): ReturnType<typeof encodeBatch> {
  const keys = createKeyList(keysOf);
  const rules = createRuleList(gcraArgs);
  let requests = "";
  for (const { consume } of batch) {
    if (consume === undefined) continue;
    const { tenantId, cost, charges } = consume;
    requests += `,${cost},${charges.length}`;
    for (const charge of charges) requests += `,${keys.indexOf(tenantId, charge)},${rules.indexOf(charge.rule)}`;
  }
  return { script: consumeGcra, keys: keys.list, args: [`[${rules.size()}${rules.args()}${requests}]`] };
}

function encodeAny(batch: readonly Pending[], keysOf: Keys): ReturnType<typeof encodeBatch> {
  const keys = createKeyList(keysOf);
  const rules = createRuleList(ruleArgs);
  let requests = "";
  for (const { consume, refund } of batch) {
    const { tenantId, charges } = consume ?? refund;
    const id = consume === undefined ? refund.id : consume.force?.id;
    requests += consume === undefined ? `,${-refund.units}` : `,${consume.cost}`;
    requests += `,${charges.length},`;
    requests += consume === undefined ? micros(refund.consumed.atMs) : JSON.stringify(consume.slot ?? "");
    requests += `,${id === undefined ? 0 : keys.add(keysOf.mark(tenantId, id))}`;
    charges.forEach((charge, i) => {
      const { rule, want = 0 } = charge;
      let extra = want;
      if (refund !== undefined) extra = micros(refund.consumed.atMs + (refund.consumed.statuses[i]?.resetMs ?? 0));
      else if (rule.block !== undefined) extra = keys.add(keysOf.block(tenantId, charge));
      requests += `,${keys.indexOf(tenantId, charge)},${rules.indexOf(rule)},${extra}`;
    });
  }
  return { script: consumeScript, keys: keys.list, args: [`[${rules.size()}${rules.args()}${requests}]`] };
}

const micros = (ms: number): number => Math.round(ms * 1000);

/**
 * The keys of a batch. Only keys of tenants are looked up, because they repeat. For other keys, a look-up of the joined
 * string costs more than sending it twice.
 */
function createKeyList(keysOf: Keys) {
  const byScope = new Map<readonly string[], Map<string, number>>();
  const list: string[] = [];
  return {
    list,
    /** Adds a key that comes once. @returns its index in the list, from 1 */
    add: (key: string): number => list.push(key),
    /** The index in the list, from 1. */
    indexOf(tenantId: string, charge: Charge): number {
      if (charge.rule.by !== "tenant") return list.push(keysOf.of(tenantId, charge));
      let known = byScope.get(charge.scope);
      if (known === undefined) byScope.set(charge.scope, (known = new Map()));
      let index = known.get(tenantId);
      if (index === undefined) known.set(tenantId, (index = list.push(keysOf.of(tenantId, charge))));
      return index;
    },
  };
}

/** The rules of a batch, encoded by `argsOf`. */
function createRuleList(argsOf: (rule: RateLimitRule) => string) {
  const known = new Map<RateLimitRule, number>();
  let args = "";
  return {
    /** The index in the list, from 1. */
    indexOf(rule: RateLimitRule): number {
      const index = known.get(rule);
      if (index !== undefined) return index;
      known.set(rule, known.size + 1);
      args += argsOf(rule);
      return known.size;
    },
    size: (): number => known.size,
    args: (): string => args,
  };
}

/** Passes on the results of a batch that came after the deadline. */
export function decodeLate(batch: readonly Pending[], encoded: ReturnType<typeof encodeBatch>, reply: unknown): void {
  const results = decodeReply(batch, encoded, reply);
  for (let i = 0; i < batch.length; i++) {
    const { consume, late } = batch[i] as Pending & { readonly late?: LateResult };
    const result = results[i];
    if (consume !== undefined && result !== undefined) late?.(consume, result);
  }
}

/**
 * The result of each request of the batch.
 * @throws {StoreError} for a reply that does not fit the batch: another script gave it, or a broken proxy changed it
 */
export function decodeReply(
  batch: readonly Pending[],
  { script }: Pick<ReturnType<typeof encodeBatch>, "script">,
  reply: unknown,
): (ConsumeResult | undefined)[] {
  const figures = integersOf(reply);
  if (figures === undefined) throw unexpectedReply();
  let position = 0;
  const next = (): number => {
    if (position >= figures.length) throw unexpectedReply();
    return figures[position++] as number;
  };
  const atMs = next() / 1000;
  const results = batch.map(({ consume }): ConsumeResult | undefined => {
    if (consume === undefined) return undefined;
    const status = next();
    const statuses = consume.charges.map(({ rule, want }) =>
      script === consumeScript
        ? readStatus(next, consume.force === undefined ? { want, block: rule.block } : {})
        : statusFromLevel(rule, next(), status > 0 ? 0 : Math.max(consume.cost, 1)),
    );
    return { allowed: status > 0, atMs, statuses };
  });
  if (position !== figures.length) throw unexpectedReply();
  return results;
}

function readStatus(
  next: () => number,
  { want, block }: { want?: number | undefined; block?: RateLimitRule["block"] },
): RuleStatus {
  const remaining = next();
  const resetMs = Math.ceil(next() / 1000);
  const retryAfterMs = waitMs(next());
  const last = next();
  if (block !== undefined) return { remaining, resetMs, retryAfterMs, blocked: last === 1 };
  return want === undefined
    ? { remaining, resetMs, retryAfterMs }
    : { remaining, resetMs, retryAfterMs, granted: last };
}

const waitMs = (waitUs: number): number => (waitUs < 0 ? Infinity : Math.ceil(waitUs / 1000));
