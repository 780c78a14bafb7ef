type Argument = string | number | Buffer;

/** The part of ioredis 5 and 6 that we call: a single server, Sentinel or Cluster. */
export interface IoredisLike {
  readonly status: string;
  readonly isCluster: boolean;
  evalsha(sha1: string, keyCount: number, ...keysAndArgs: Argument[]): Promise<unknown>;
  eval(script: string, keyCount: number, ...keysAndArgs: Argument[]): Promise<unknown>;
  /** Optional: without it, reads use scripts. */
  mget?(keys: string[]): Promise<unknown>;
}

interface NodeRedisEvalOptions {
  readonly keys: string[];
  readonly arguments: string[];
}

/** The part of node-redis that we call: a client or a cluster. Only a cluster has `masters`; older ones have no `isReady`. */
export interface NodeRedisLike {
  readonly isOpen: boolean;
  readonly isReady?: boolean;
  readonly masters?: unknown;
  evalSha(sha1: string, options: NodeRedisEvalOptions): Promise<unknown>;
  eval(script: string, options: NodeRedisEvalOptions): Promise<unknown>;
  mGet?(keys: string[]): Promise<unknown>;
}

/** A Redis client of the application. We send scripts and `MGET` through it, and never configure, connect or close it. */
export type RedisLike = IoredisLike | NodeRedisLike;

/** One interface for both kinds of client. */
export interface RedisPort {
  /** True when keys of one script must share a hash tag. */
  readonly isCluster: boolean;
  /** False while a command would wait for a connection instead of being sent. */
  isReady(): boolean;
  evalsha(sha1: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  eval(source: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  readonly mget: ((keys: string[]) => Promise<unknown>) | undefined;
}

/** True for an ioredis or node-redis client. */
export function isRedisLike(value: unknown): value is RedisLike {
  if (typeof value !== "object" || value === null || !("eval" in value) || typeof value.eval !== "function")
    return false;
  return isIoredis(value) || ("evalSha" in value && typeof value.evalSha === "function");
}

const isIoredis = (value: object): value is IoredisLike => "evalsha" in value && typeof value.evalsha === "function";

export function redisPort(redis: RedisLike): RedisPort {
  return isIoredis(redis) ? ioredisPort(redis) : nodeRedisPort(redis);
}

function ioredisPort(redis: IoredisLike): RedisPort {
  return {
    isCluster: redis.isCluster,
    isReady: () => redis.status === "ready",
    evalsha: (sha1, keys, args) => redis.evalsha(sha1, keys.length, ...keys, ...args),
    eval: (source, keys, args) => redis.eval(source, keys.length, ...keys, ...args),
    mget: redis.mget === undefined ? undefined : (keys) => redis.mget?.(keys) ?? Promise.resolve([]),
  };
}

function nodeRedisPort(redis: NodeRedisLike): RedisPort {
  return {
    isCluster: redis.masters !== undefined,
    isReady: () => redis.isReady ?? redis.isOpen,
    evalsha: (sha1, keys, args) => redis.evalSha(sha1, { keys: [...keys], arguments: [...args] }),
    eval: (source, keys, args) => redis.eval(source, { keys: [...keys], arguments: [...args] }),
    mget: redis.mGet === undefined ? undefined : (keys) => redis.mGet?.(keys) ?? Promise.resolve([]),
  };
}
