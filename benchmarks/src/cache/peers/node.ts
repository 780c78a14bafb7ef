import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { Redis as Redis5, type RedisOptions } from "ioredis5";

/** A cached row, about 200 bytes of JSON. */
export interface Row {
  readonly id: string;
  readonly customerId: string;
  readonly total: number;
  readonly status: string;
  readonly issuedAt: string;
  readonly lines: readonly { readonly sku: string; readonly count: number }[];
}

/** One process of an application with one of the caches, set up as its documentation says for several processes. */
export interface CacheNode {
  /** Returns the value from memory, from Redis or from the loader. */
  get(id: string): Promise<unknown>;
  /** Deletes the value, as an application does after a change. The result is that of the cache. */
  del(id: string): Promise<unknown>;
  close(): Promise<void>;
}

export interface NodeOptions {
  /** URL of Redis for commands. */
  readonly url: string;
  /** URL of Redis for messages, if the cache accepts another one. @default url */
  readonly busUrl?: string;
  /** Prefix of the keys, which keeps the caches apart. */
  readonly prefix: string;
  readonly load: (id: string) => Promise<Row>;
}

/** @returns the node after its bus is connected */
export type StartNode = (options: NodeOptions) => Promise<CacheNode>;

export const TTL_MS = 600_000;
/** More than any benchmark uses. */
export const MAX_ITEMS = 200_000;

/** Time for a peer that does not report when it has subscribed. */
export const untilSubscribed = (): Promise<void> => sleep(300);

const quiet = <R extends { on(event: "error", listener: () => void): unknown }>(redis: R): R => {
  // Faults are intended, and without a listener ioredis prints them.
  redis.on("error", () => undefined);
  return redis;
};

export const redis6 = (url: string, pipelining = false): Redis =>
  quiet(new Redis(url, { enableAutoPipelining: pipelining }));

/** For the peers that depend on this version. */
export const redis5 = (url: string, options: RedisOptions = {}): Redis5 => quiet(new Redis5(url, options));
