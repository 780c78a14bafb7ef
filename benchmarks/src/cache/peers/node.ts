import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { Redis as Redis5, type RedisOptions } from "ioredis5";

/** What is cached: about 200 bytes of JSON. */
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
  /** The value, from memory, from Redis or loaded. */
  get(id: string): Promise<unknown>;
  /** Ends the value, as the application does after a change. What it answers is the cache's own. */
  del(id: string): Promise<unknown>;
  close(): Promise<void>;
}

export interface NodeOptions {
  /** Of Redis, for commands. */
  readonly url: string;
  /** Of Redis, for messages, where the cache lets it be another. @default url */
  readonly busUrl?: string;
  /** Keeps contenders apart. */
  readonly prefix: string;
  readonly load: (id: string) => Promise<Row>;
}

/** @returns the node when its bus is heard */
export type StartNode = (options: NodeOptions) => Promise<CacheNode>;

export const TTL_MS = 600_000;
/** More than any bench asks for. */
export const MAX_ITEMS = 200_000;

/** Time for a peer that does not tell when its subscription is there. */
export const untilSubscribed = (): Promise<void> => sleep(300);

const quiet = <R extends { on(event: "error", listener: () => void): unknown }>(redis: R): R => {
  // Faults are made on purpose, and without a listener ioredis prints them.
  redis.on("error", () => undefined);
  return redis;
};

export const redis6 = (url: string, pipelining = false): Redis =>
  quiet(new Redis(url, { enableAutoPipelining: pipelining }));

/** For the peers that are made for this version. */
export const redis5 = (url: string, options: RedisOptions = {}): Redis5 => quiet(new Redis5(url, options));
