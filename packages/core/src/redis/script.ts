import type { RedisPort } from "./client.js";

/** A Lua script and its hash, as `scripts/generate/lua.mjs` writes them. */
export interface Script {
  readonly name: string;
  readonly sha1: string;
  readonly source: string;
}

/** What becomes of a script's answer. Not a promise: that is on the way of every request. */
export interface Settle {
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

/**
 * Runs a script by its hash, and sends the source only when the server has not seen it: after a restart, a failover,
 * `SCRIPT FLUSH`, or on a new shard. A server that does not know the hash has run nothing, so nothing runs twice.
 */
// oxlint-disable-next-line max-params -- the four are one call, and an object for them would be made for each
export function evaluate(
  port: RedisPort,
  script: Script,
  { keys, args }: { keys: readonly string[]; args: readonly string[] },
  { resolve, reject }: Settle,
): void {
  const again = (error: unknown): void => {
    if (!isNoScript(error)) reject(error);
    else attempt(() => port.eval(script.source, keys, args), resolve, reject);
  };
  attempt(() => port.evalsha(script.sha1, keys, args), resolve, again);
}

/** A client of another kind may throw where ours reject. */
export function attempt(send: () => Promise<unknown>, resolve: Settle["resolve"], reject: Settle["reject"]): void {
  try {
    send().then(resolve, reject);
  } catch (error) {
    reject(error);
  }
}

const isNoScript = (error: unknown): boolean => error instanceof Error && error.message.startsWith("NOSCRIPT");

/** Does nothing, where its keys are. */
export const PING: Script = { name: "ping", sha1: "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", source: "return 1" };
