import { StoreError } from "@scale/core";
import type { Script } from "@scale/core/redis";
import type { UsageLedger } from "../ledger/types.js";
import { ledgerFail } from "../../usage-events.js";
import { type Announce, createAnnounce } from "./dirty-set.js";
import type { Calls } from "./script-calls.js";
import { createFlusher, type Flusher } from "./flusher.js";
import { createHydrate, type Hydrate } from "./hydrate.js";
import { numbers, type Wiring } from "./context.js";

/** What a store with a ledger is made of besides. */
export interface Behind {
  readonly hydrate: Hydrate;
  readonly announce: Announce;
  readonly flusher: Flusher;
}

export function createBehind(wiring: Wiring, ledger: UsageLedger, flushEveryMs: number): Behind {
  const flusher = createFlusher({ wiring, ledger, flushEveryMs });
  return { hydrate: createHydrate(wiring, ledger), announce: createAnnounce(wiring), flusher };
}

/** Runs a script that decides, and answers what it says of the counts. */
export type Decide = (script: Script, calls: Calls) => Promise<readonly number[]>;

/** A server that loses its data again and again, between two calls, cannot be counted on. */
const ATTEMPTS = 3;

/** Asks again when the script found counts that had to be hydrated first: it has changed nothing then. */
export function createDecide({ runner }: Wiring, behind: Behind | undefined): Decide {
  return async (script, { keys, args, counts, limits }) => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const [code, ...rest] = numbers(await runner.run(script, { keys, args }));
      if (code !== undefined && code !== -1) return [code, ...rest];
      const lost = counts.map((count, i) => ({ count, limit: limits[i] ?? 0 }));
      await behind?.hydrate(rest.length === 0 ? lost : rest.flatMap((i) => lost[i - 1] ?? []));
    }
    throw new StoreError("Redis lost the count again while it was brought back");
  };
}

/** For what is recorded: announced before, so that another process finds it, and written to the ledger after. */
export function createRecord(decide: Decide, behind: Behind | undefined): Decide {
  if (behind === undefined) return decide;
  return async (script, calls) => {
    const addresses = calls.counts.map(({ address }) => address);
    try {
      await behind.announce(addresses);
    } catch (error) {
      // The units are recorded all the same, and written by this process while it lives.
      ledgerFail.publish(() => ({ error, counts: addresses.length }));
    }
    try {
      return await decide(script, calls);
    } finally {
      // What was not answered in time may have been recorded.
      for (const address of addresses) behind.flusher.touch(address);
    }
  };
}
