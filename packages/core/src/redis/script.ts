import type { RedisPort } from "./client.js";

/** A Lua script and its hash, as `scripts/gen-lua.mjs` writes them. */
export interface Script {
  readonly name: string;
  readonly sha1: string;
  readonly source: string;
}

/**
 * Runs a script by its hash, and sends the source only when the server has not seen it: after a restart, a failover,
 * `SCRIPT FLUSH`, or on a new shard. A server that does not know the hash has run nothing, so nothing runs twice.
 */
export async function evaluate(
  port: RedisPort,
  script: Script,
  { keys, args }: { keys: readonly string[]; args: readonly string[] },
): Promise<unknown> {
  try {
    return await port.evalsha(script.sha1, keys, args);
  } catch (error) {
    if (!isNoScript(error)) throw error;
    return port.eval(script.source, keys, args);
  }
}

const isNoScript = (error: unknown): boolean => error instanceof Error && error.message.startsWith("NOSCRIPT");

/** Does nothing, where its keys are. */
export const PING: Script = { name: "ping", sha1: "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", source: "return 1" };
