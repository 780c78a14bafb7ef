import type { RateLimitRule } from "@scale/core";
import type { Script, ScriptCall } from "@scale/core/redis";
import type { Charge, ConsumeRequest, ConsumeResult, RefundRequest, RuleStatus } from "../types.js";
import { isGcraOnly, isNumbers, statusFromLevel, unexpectedReply } from "./gcra-reply.js";
import { gcraArgs, ruleArgs } from "./rule-args.js";
import { consumeGcra, consume as consumeScript } from "./scripts.gen.js";

/** A request that waits for its part of the reply to a batch. */
export type Pending = { reject(error: unknown): void } & (
  | { readonly consume: ConsumeRequest; readonly refund?: never; resolve(result: ConsumeResult): void }
  | { readonly consume?: never; readonly refund: RefundRequest; resolve(nothing: undefined): void }
);

/** Builds the Redis key of a charge. */
export type KeyOf = (tenantId: string, charge: Charge) => string;

/**
 * Encodes a batch. Rules, and keys of tenants, that occur more than once are sent once.
 * @returns the script and its call, whose arguments go after the time
 */
export function encodeBatch(batch: readonly Pending[], keyOf: KeyOf): ScriptCall & { readonly script: Script } {
  return batch.every(({ consume }) => consume !== undefined && isGcraOnly(consume))
    ? encodeGcra(batch, keyOf)
    : encodeAny(batch, keyOf);
}

function encodeGcra(batch: readonly Pending[], keyOf: KeyOf): ReturnType<typeof encodeBatch> {
  const keys = createKeyList(keyOf);
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

function encodeAny(batch: readonly Pending[], keyOf: KeyOf): ReturnType<typeof encodeBatch> {
  const keys = createKeyList(keyOf);
  const rules = createRuleList(ruleArgs);
  let requests = "";
  for (const { consume, refund } of batch) {
    const { tenantId, charges } = consume ?? refund;
    requests += consume === undefined ? `,${-refund.units}` : `,${consume.cost}`;
    requests += `,${charges.length},`;
    requests += consume === undefined ? micros(refund.consumed.atMs) : JSON.stringify(consume.slot ?? "");
    charges.forEach((charge, i) => {
      const extra =
        refund === undefined
          ? (charge.want ?? 0)
          : micros(refund.consumed.atMs + (refund.consumed.statuses[i]?.resetMs ?? 0));
      requests += `,${keys.indexOf(tenantId, charge)},${rules.indexOf(charge.rule)},${extra}`;
    });
  }
  return { script: consumeScript, keys: keys.list, args: [`[${rules.size()}${rules.args()}${requests}]`] };
}

const micros = (ms: number): number => Math.round(ms * 1000);

/**
 * The keys of a batch. Only keys of tenants are looked up, because they repeat. For other keys, a look-up of the joined
 * string costs more than sending it twice.
 */
function createKeyList(keyOf: KeyOf) {
  const byScope = new Map<readonly string[], Map<string, number>>();
  const list: string[] = [];
  return {
    list,
    /** The index in the list, from 1. */
    indexOf(tenantId: string, charge: Charge): number {
      if (charge.rule.by !== "tenant") return list.push(keyOf(tenantId, charge));
      let known = byScope.get(charge.scope);
      if (known === undefined) byScope.set(charge.scope, (known = new Map()));
      let index = known.get(tenantId);
      if (index === undefined) known.set(tenantId, (index = list.push(keyOf(tenantId, charge))));
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

/**
 * The result of each request of the batch.
 * @throws {StoreError} for a reply that does not fit the batch: another script gave it, or a broken proxy changed it
 */
export function decodeReply(
  batch: readonly Pending[],
  { script }: Pick<ReturnType<typeof encodeBatch>, "script">,
  reply: unknown,
): (ConsumeResult | undefined)[] {
  if (!isNumbers(reply)) throw unexpectedReply();
  let position = 0;
  const next = (): number => {
    if (position >= reply.length) throw unexpectedReply();
    return reply[position++] as number;
  };
  const atMs = next() / 1000;
  const results = batch.map(({ consume }): ConsumeResult | undefined => {
    if (consume === undefined) return undefined;
    const status = next();
    const statuses = consume.charges.map(({ rule, want }) =>
      script === consumeScript
        ? readStatus(next, want)
        : statusFromLevel(rule, next(), status > 0 ? 0 : Math.max(consume.cost, 1)),
    );
    return { allowed: status > 0, atMs, statuses };
  });
  if (position !== reply.length) throw unexpectedReply();
  return results;
}

function readStatus(next: () => number, want: number | undefined): RuleStatus {
  const remaining = next();
  const resetMs = Math.ceil(next() / 1000);
  const retryAfterMs = waitMs(next());
  const granted = next();
  return want === undefined ? { remaining, resetMs, retryAfterMs } : { remaining, resetMs, retryAfterMs, granted };
}

const waitMs = (waitUs: number): number => (waitUs < 0 ? Infinity : Math.ceil(waitUs / 1000));
