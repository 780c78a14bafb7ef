import { inRootContext } from "@scale/core/kit";
import { ledgerFail } from "../../events.js";
import type { LedgerAddress, UsageLedger } from "../ledger/types.js";
import type { RedisUsageContext } from "./context.js";
import { countKeys } from "./keys.js";
import { flushToLedger } from "./ledger-sync.js";
import { recoverOrphans } from "./orphan-recovery.js";

/** Further counts are left to orphan recovery. */
const MAX_DIRTY = 100_000;
/** Rounds between two attempts of this process to recover the counts of dead processes. */
const ROUNDS_PER_RECOVERY = 5;
/** Rounds for which a dirty count is left to its own process. */
const IDLE_ROUNDS = 3;
const MAX_PAUSE_MS = 30_000;

/** Writes to the ledger what this process, and processes that died, have committed in Redis. */
export interface Flusher {
  /** This process has committed units of the count. */
  touch(address: LedgerAddress): void;
  /** Resolves when the ledger has every unit that was committed before the call. */
  flush(): Promise<void>;
  /** Flushes for the last time. */
  close(): Promise<void>;
}

export function createFlusher(context: RedisUsageContext, ledger: UsageLedger, flushEveryMs: number): Flusher {
  const backlog = createBacklog(context, ledger);
  const recover = async (): Promise<void> => {
    try {
      const timing = { idleMs: IDLE_ROUNDS * flushEveryMs, leaseMs: ROUNDS_PER_RECOVERY * flushEveryMs };
      await recoverOrphans(context, ledger, timing);
    } catch (error) {
      ledgerFail.publish(() => ({ error, counts: backlog.size() }));
      throw error;
    }
  };
  let rounds = 0;
  const stop = startRounds(flushEveryMs, async () => {
    await backlog.flush();
    if (rounds++ % ROUNDS_PER_RECOVERY === 0) await recover();
  });
  return {
    touch: backlog.touch,
    flush: backlog.flush,
    async close() {
      stop();
      await backlog.flush();
    },
  };
}

/** Counts with units that the ledger lacks. */
function createBacklog(
  context: RedisUsageContext,
  ledger: UsageLedger,
): Pick<Flusher, "touch" | "flush"> & { size(): number } {
  const dirty = new Map<string, LedgerAddress>();
  let last: Promise<void> = Promise.resolve();

  function touch(address: LedgerAddress): void {
    if (dirty.size < MAX_DIRTY) dirty.set(countKeys(context.prefix, address).state, address);
  }

  async function drain(): Promise<void> {
    const taken = [...dirty.values()];
    dirty.clear();
    try {
      for (const address of await flushToLedger(context, ledger, taken)) touch(address);
    } catch (error) {
      for (const address of taken) touch(address);
      ledgerFail.publish(() => ({ error, counts: dirty.size }));
      throw error;
    }
  }

  return {
    touch,
    size: () => dirty.size,
    /** Waits for the flush that is under way, which may have read a count before its last commit. */
    flush() {
      const next = last.then(drain);
      last = next.catch(() => undefined); // The caller gets the error, and it was published.
      return next;
    },
  };
}

/** Runs rounds until it is stopped, with growing pauses while they fail. */
function startRounds(everyMs: number, run: () => Promise<void>): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let failures = 0;

  async function round(): Promise<void> {
    try {
      await run();
      failures = 0;
    } catch {
      failures++; // Published where it happened.
    }
    if (!isStopped) arm();
  }

  function arm(): void {
    const pause = Math.min(everyMs * 2 ** Math.min(failures, 16), Math.max(everyMs, MAX_PAUSE_MS));
    // Unreferenced: Redis still has the units when the process ends before the flush.
    // A store may be created inside a request, and the rounds write for every tenant.
    timer = inRootContext(() => setTimeout(() => void round(), pause).unref());
  }

  arm();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
