import { StoreError } from "@scale/core";
import type { Script } from "@scale/core/redis";
import { ledgerFail } from "../../events.js";
import { numbers, type RedisUsageContext } from "./context.js";
import type { ScriptCalls } from "./script-calls.js";
import type { WriteBehind } from "./write-behind.js";

/** Runs a script that decides, and returns its reply about the counts: numbers and strings. */
export type RunScript = (script: Script, calls: ScriptCalls) => Promise<readonly unknown[]>;

/** A server that loses its data between two calls this often does not keep counts. */
const ATTEMPTS = 3;

/** Hydrates the counts that the script found missing, and runs it again: it has changed nothing until then. */
export function runWithHydration({ runner }: RedisUsageContext, writeBehind: WriteBehind | undefined): RunScript {
  return async (script, { keys, args, counts }) => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const reply: unknown = await runner.run(script, { keys, args });
      if (!Array.isArray(reply)) throw new StoreError(`Redis script ${script.name}: expected a list`);
      if (Number(reply[0]) !== -1) return reply;
      const missing = numbers(reply.slice(1));
      await writeBehind?.hydrate(missing.length === 0 ? counts : missing.flatMap((i) => counts[i - 1] ?? []));
    }
    throw new StoreError("Redis lost the count again while it was loaded from the ledger");
  };
}

/** Marks the counts dirty before the script records units, so that another process can find them, and flushes after. */
export function runAndMarkDirty(run: RunScript, writeBehind: WriteBehind | undefined): RunScript {
  if (writeBehind === undefined) return run;
  return async (script, calls) => {
    const addresses = calls.counts.map(({ address }) => address);
    try {
      await writeBehind.markDirty(addresses);
    } catch (error) {
      // The units are recorded all the same, and flushed by this process while it lives.
      ledgerFail.publish(() => ({ error, counts: addresses.length }));
    }
    try {
      return await run(script, calls);
    } finally {
      // Also after a timeout: the server may have recorded the units.
      for (const address of addresses) writeBehind.flusher.touch(address);
    }
  };
}
