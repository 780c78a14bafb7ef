import type { LedgerAddress, UsageLedger } from "../ledger/types.js";
import { ledgerFail } from "../../usage-events.js";
import { countKeys } from "./keys.js";
import { catchUp } from "./ledger-sync.js";
import { sweep } from "./orphan-recovery.js";
import type { Wiring } from "./context.js";

/** Counts beyond this are left to whoever sweeps. */
const MAX_DIRTY = 100_000;
/** Every so many rounds this process offers to look after what dead ones have left. */
const ROUNDS_PER_SWEEP = 5;
/** An announced count is left alone for so many rounds: its process writes it. */
const IDLE_ROUNDS = 3;
const MAX_PAUSE_MS = 30_000;

export interface FlusherOptions {
  readonly wiring: Wiring;
  readonly ledger: UsageLedger;
  readonly flushEveryMs: number;
}

/** Writes to the ledger what this process, and processes that died, have committed in Redis. */
export interface Flusher {
  /** This process has committed something. */
  touch(address: LedgerAddress): void;
  /** Resolves when the ledger has what was committed before the call. */
  flush(): Promise<void>;
  /** Flushes for the last time. */
  close(): Promise<void>;
}

export function createFlusher(options: FlusherOptions): Flusher {
  const backlog = createBacklog(options);
  const stop = startRounds(options, backlog);
  return {
    touch: backlog.touch,
    flush: backlog.flush,
    async close() {
      stop();
      await backlog.flush();
    },
  };
}

/** Counts of which the ledger does not have everything. */
interface Backlog extends Pick<Flusher, "touch" | "flush"> {
  size(): number;
}

function createBacklog({ wiring, ledger }: FlusherOptions): Backlog {
  const dirty = new Map<string, LedgerAddress>();
  let last: Promise<void> = Promise.resolve();

  function touch(address: LedgerAddress): void {
    if (dirty.size < MAX_DIRTY) dirty.set(countKeys(wiring.prefix, address).state, address);
  }

  async function drain(): Promise<void> {
    const taken = [...dirty.values()];
    dirty.clear();
    try {
      for (const address of await catchUp(wiring, ledger, taken)) touch(address);
    } catch (error) {
      for (const address of taken) touch(address);
      ledgerFail.publish(() => ({ error, counts: dirty.size }));
      throw error;
    }
  }

  return {
    touch,
    size: () => dirty.size,
    /** After the one that is under way, which may have read a count before the last commit. */
    flush() {
      const next = last.then(drain);
      last = next.catch(() => undefined); // Whoever asked for it hears of it, and it was published.
      return next;
    },
  };
}

/** Writes again and again, less often while that fails. */
function startRounds({ wiring, ledger, flushEveryMs }: FlusherOptions, backlog: Backlog): () => void {
  const sweepOptions = { idleMs: IDLE_ROUNDS * flushEveryMs, leaseMs: ROUNDS_PER_SWEEP * flushEveryMs };
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let rounds = 0;
  let failures = 0;

  async function sweepUp(): Promise<void> {
    try {
      await sweep(wiring, ledger, sweepOptions);
    } catch (error) {
      ledgerFail.publish(() => ({ error, counts: backlog.size() }));
      throw error;
    }
  }

  async function round(): Promise<void> {
    try {
      await backlog.flush();
      if (rounds++ % ROUNDS_PER_SWEEP === 0) await sweepUp();
      failures = 0;
    } catch {
      failures++; // Published where it happened.
    }
    if (!isStopped) arm();
  }

  function arm(): void {
    const pause = Math.min(flushEveryMs * 2 ** Math.min(failures, 16), Math.max(flushEveryMs, MAX_PAUSE_MS));
    // What is not written when the process ends is in Redis.
    timer = setTimeout(() => void round(), pause).unref();
  }

  arm();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
