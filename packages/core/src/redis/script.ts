import type { RedisPort } from "./client.js";

/** A Lua script and its hash, as `scripts/generate/lua.mjs` writes them. */
export interface Script {
  readonly name: string;
  readonly sha1: string;
  readonly source: string;
}

/** Receives the answer of a script. Callbacks, because a promise would cost every request. */
export interface Settle {
  /** True once the caller has given up: then nothing more is sent for it. */
  isOver: boolean;
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

/**
 * Runs a script by its hash, and sends the source only when the server has not seen it: after a restart, a failover,
 * `SCRIPT FLUSH`, or on a new shard. A server that does not know the hash has run nothing, so nothing runs twice.
 */
// oxlint-disable-next-line max-params -- the four are one call, and every request would pay for an object of them
export function evaluate(
  port: RedisPort,
  script: Script,
  { keys, args }: { keys: readonly string[]; args: readonly string[] },
  settle: Settle,
): void {
  const { resolve, reject } = settle;
  const again = (error: unknown): void => {
    if (!isNoScript(error) || settle.isOver) reject(error);
    else attempt(() => port.eval(script.source, keys, args), resolve, reject);
  };
  attempt(() => port.evalsha(script.sha1, keys, args), resolve, again);
}

/** Calls a client. A client of another kind may throw where ioredis and node-redis reject. */
export function attempt(send: () => Promise<unknown>, resolve: Settle["resolve"], reject: Settle["reject"]): void {
  try {
    send().then(resolve, reject);
  } catch (error) {
    reject(error);
  }
}

const isNoScript = (error: unknown): boolean => error instanceof Error && error.message.startsWith("NOSCRIPT");

/** Does nothing, on the node that owns its keys. */
export const PING: Script = { name: "ping", sha1: "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", source: "return 1" };
