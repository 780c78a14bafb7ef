import { type RateLimitRule, StoreError } from "@scale/core";
import type { Script } from "@scale/core/redis";
import type { Charge, RefundRequest, RuleStatus, ConsumeRequest, ConsumeResult } from "../types.js";
import { isNumbers, isPlain, plainStanding } from "./gcra-reply.js";
import { describePlain, describeRule } from "./rule-args.js";
import { decide, take as takeScript } from "./scripts.gen.js";

/** One question that waits for its answer, or units that are given back. */
export type Pending = PendingTake | PendingGive;

interface PendingTake extends Settle<ConsumeResult> {
  readonly take: ConsumeRequest;
  readonly give?: never;
}

interface PendingGive extends Settle<undefined> {
  readonly take?: never;
  readonly give: RefundRequest;
}

interface Settle<T> {
  resolve(answer: T): void;
  reject(error: unknown): void;
}

/** A batch as a script reads it. */
export interface Encoded {
  readonly script: Script;
  readonly keys: readonly string[];
  /** After the time. */
  readonly args: readonly string[];
}

/** The key of a charge. */
export type KeyOf = (tenantId: string, charge: Charge) => string;

/** Rules that occur more than once are sent once, and so are the keys of tenants. */
export function encodeBatch(batch: readonly Pending[], keyOf: KeyOf): Encoded {
  return batch.every(({ take }) => take !== undefined && isPlain(take))
    ? encodePlain(batch as readonly PendingTake[], keyOf)
    : encodeAny(batch, keyOf);
}

function encodePlain(batch: readonly PendingTake[], keyOf: KeyOf): Encoded {
  const keys = createKeys(keyOf);
  const rules = createRules(describePlain);
  let asks = "";
  for (const { take } of batch) {
    const { tenantId, cost, charges } = take;
    asks += `,${cost},${charges.length}`;
    for (const charge of charges) asks += `,${keys.indexOf(tenantId, charge)},${rules.indexOf(charge.rule)}`;
  }
  return { script: takeScript, keys: keys.list, args: [`[${rules.size()}${rules.text()}${asks}]`] };
}

function encodeAny(batch: readonly Pending[], keyOf: KeyOf): Encoded {
  const keys = createKeys(keyOf);
  const rules = createRules(describeRule);
  let asks = "";
  for (const { take, give } of batch) {
    const { tenantId, charges } = take ?? give;
    asks += take === undefined ? `,${-give.units}` : `,${take.cost}`;
    asks += `,${charges.length},${take === undefined ? micros(give.consumed.atMs) : JSON.stringify(take.slot ?? "")}`;
    charges.forEach((charge, i) => {
      const extra =
        give === undefined
          ? (charge.want ?? 0)
          : micros(give.consumed.atMs + (give.consumed.statuses[i]?.resetMs ?? 0));
      asks += `,${keys.indexOf(tenantId, charge)},${rules.indexOf(charge.rule)},${extra}`;
    });
  }
  return { script: decide, keys: keys.list, args: [`[${rules.size()}${rules.text()}${asks}]`] };
}

const micros = (ms: number): number => Math.round(ms * 1000);

interface Keys {
  readonly list: string[];
  /** From 1. */
  indexOf(tenantId: string, charge: Charge): number;
}

/**
 * The keys of a batch. Only those of tenants are looked up: they are the ones that repeat, and to look up a key that was
 * just put together costs more than to send it twice.
 */
function createKeys(keyOf: KeyOf): Keys {
  const tenants = new Map<readonly string[], Map<string, number>>();
  const list: string[] = [];
  return {
    list,
    indexOf(tenantId, charge) {
      if (charge.rule.by !== "tenant") return list.push(keyOf(tenantId, charge));
      let known = tenants.get(charge.scope);
      if (known === undefined) tenants.set(charge.scope, (known = new Map()));
      let at = known.get(tenantId);
      if (at === undefined) known.set(tenantId, (at = list.push(keyOf(tenantId, charge))));
      return at;
    },
  };
}

interface Rules {
  /** From 1. */
  indexOf(rule: RateLimitRule): number;
  size(): number;
  text(): string;
}

function createRules(describe: (rule: RateLimitRule) => string): Rules {
  const known = new Map<RateLimitRule, number>();
  let text = "";
  return {
    indexOf(rule) {
      const at = known.get(rule);
      if (at !== undefined) return at;
      known.set(rule, known.size + 1);
      text += describe(rule);
      return known.size;
    },
    size: () => known.size,
    text: () => text,
  };
}

/**
 * Gives every part of the reply to the question of the batch that it answers.
 * @throws {StoreError} for a reply that does not fit the batch: it came from another script, or through a broken proxy
 */
export function decodeReply(
  batch: readonly Pending[],
  { script }: Encoded,
  reply: unknown,
): (ConsumeResult | undefined)[] {
  if (!isNumbers(reply)) throw new StoreError("Redis answered something else than was asked");
  const read = createReader(reply);
  const atMs = read.next() / 1000;
  const answers = batch.map(({ take }): ConsumeResult | undefined => {
    if (take === undefined) return undefined;
    const status = read.next();
    const statuses = take.charges.map(({ rule, want }) =>
      script === decide
        ? standing(read, want)
        : plainStanding(rule, read.next(), status > 0 ? 0 : Math.max(take.cost, 1)),
    );
    return { allowed: status > 0, atMs, statuses };
  });
  read.end();
  return answers;
}

interface Reader {
  next(): number;
  end(): void;
}

function createReader(reply: readonly number[]): Reader {
  let at = 0;
  const fail = (): never => {
    throw new StoreError("Redis answered something else than was asked");
  };
  return {
    next: () => (at < reply.length ? (reply[at++] as number) : fail()),
    end: () => (at === reply.length ? undefined : fail()),
  };
}

function standing(read: Reader, want: number | undefined): RuleStatus {
  const remaining = read.next();
  const resetMs = Math.ceil(read.next() / 1000);
  const retryAfterMs = waitMs(read.next());
  const granted = read.next();
  return want === undefined ? { remaining, resetMs, retryAfterMs } : { remaining, resetMs, retryAfterMs, granted };
}

const waitMs = (waitUs: number): number => (waitUs < 0 ? Infinity : Math.ceil(waitUs / 1000));
