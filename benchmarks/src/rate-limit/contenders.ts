import { createRateLimiter } from "@scale/rate-limit";
import { redisStore } from "@scale/rate-limit/redis";
import { Redis } from "ioredis";
import { RedisStore, type RedisReply } from "rate-limit-redis";
import { RateLimiterRedis } from "rate-limiter-flexible";
import type { Subject } from "./subjects.js";

/** Decides one request; true when it is admitted. */
export type Decide = (subject: Subject) => Promise<boolean>;

export interface Contender {
  readonly name: string;
  readonly decide: Decide;
  close(): void;
}

/** So high that every request is admitted: denials are cheap for every contender and would hide the work. */
const LIMIT = 1_000_000_000;
const WINDOW_S = 60;
const SCOPES = ["tenant", "user", "ip"] as const;

/** The rules of a scenario. */
export interface Setting {
  readonly rules: 1 | 3;
  /** @default 100 */
  readonly tenants?: 1 | 100;
  /** True to lease our rules. The peers have no leases. @default false */
  readonly leased?: boolean;
}

/** Order of the calls of a peer with several rules: a peer decides one rule per call. */
type Order = "sequential" | "parallel";

interface Variant {
  readonly url: string;
  readonly rules: 1 | 3;
  readonly order: Order;
  /** True when ioredis sends the commands of one turn in one write. */
  readonly pipelining: boolean;
}

export async function contenders(url: string, { rules, leased = false }: Setting): Promise<Contender[]> {
  const orders: Order[] = rules === 1 ? ["sequential"] : ["sequential", "parallel"];
  const variants = orders.flatMap((order) => [false, true].map((pipelining) => ({ url, rules, order, pipelining })));
  // Express runs its middlewares one after the other: its store has no parallel form.
  const inExpress = variants.filter(({ order }) => order === "sequential");
  return [ours(url, rules, leased), ...variants.map(flexible), ...(await Promise.all(inExpress.map(express)))];
}

function ours(url: string, rules: 1 | 3, leased: boolean): Contender {
  const redis = new Redis(url, { maxRetriesPerRequest: 0 });
  const rule = { limit: LIMIT, window: `${WINDOW_S}s`, ...(leased && { lease: "50ms" as const }) } as const;
  const limiter = createRateLimiter({
    store: redisStore({ redis, timeoutMs: 5000 }),
    rules: rules === 1 ? { tenant: rule } : { tenant: rule, user: rule, ip: rule },
  });
  return {
    name: "@scale/rate-limit",
    decide: async (subject) => (await limiter.check(subject)).allowed,
    close: () => redis.disconnect(),
  };
}

function flexible(variant: Variant): Contender {
  const { url, rules, order, pipelining } = variant;
  const redis = new Redis(url, { enableAutoPipelining: pipelining });
  const limiters = SCOPES.slice(0, rules).map(
    (scope) =>
      new RateLimiterRedis({ storeClient: redis, points: LIMIT, duration: WINDOW_S, keyPrefix: `rlf-${scope}` }),
  );
  const consume = (subject: Subject, i: number): Promise<unknown> | undefined => limiters[i]?.consume(idOf(subject, i));
  return {
    name: `rate-limiter-flexible${describe(variant)}`,
    decide: async (subject) => {
      if (order === "parallel") await Promise.all(limiters.map((_, i) => consume(subject, i)));
      else for (let i = 0; i < rules; i++) await consume(subject, i);
      return true;
    },
    close: () => redis.disconnect(),
  };
}

async function express(variant: Variant): Promise<Contender> {
  const { url, rules, pipelining } = variant;
  const redis = new Redis(url, { enableAutoPipelining: pipelining });
  const stores = SCOPES.slice(0, rules).map(
    (scope) =>
      new RedisStore({
        sendCommand: (command, ...args) => redis.call(command, ...args) as Promise<RedisReply>,
        prefix: `rlr-${scope}:`,
      }),
  );
  const settings = { windowMs: WINDOW_S * 1000 } as Parameters<RedisStore["init"]>[0];
  await Promise.all(stores.map((store) => store.init(settings)));
  return {
    name: `rate-limit-redis${describe(variant)}`,
    decide: async (subject) => {
      let allowed = true;
      for (let i = 0; i < rules; i++) {
        const hits = await stores[i]?.increment(idOf(subject, i));
        allowed &&= (hits?.totalHits ?? 0) <= LIMIT;
      }
      return allowed;
    },
    close: () => redis.disconnect(),
  };
}

function idOf({ tenantId, userId, ip }: Subject, scope: number): string {
  if (scope === 0) return tenantId;
  return scope === 1 ? userId : ip;
}

function describe({ rules, order, pipelining }: Variant): string {
  const words = [...(rules === 1 ? [] : [order]), ...(pipelining ? ["autopipelined"] : [])];
  return words.length === 0 ? "" : ` (${words.join(", ")})`;
}
