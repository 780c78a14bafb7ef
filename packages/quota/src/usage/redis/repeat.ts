import type { Clock } from "@scale/core";
import { inRootContext } from "@scale/core/kit";
import { repeatFail } from "../../events.js";

/** A call that may be carried out more than once: a commit, a release or a cancel. */
export interface Repeatable {
  readonly what: "commit" | "release" | "cancel";
  readonly tenantId: string;
  readonly metrics: readonly string[];
  /**
   * Milliseconds for which the store knows what it did. After that a commit and a release are given up. A cancel is not,
   * because its call may still be carried out; when it finds nothing to take back, that is published.
   */
  readonly forMs: number;
  /** Runs the script. */
  run(): Promise<unknown>;
}

/** Pause before the first repetition. It grows while none gets an answer; a stalled server is not sent them. */
const PAUSE_MS = 100;
const MAX_PAUSE_MS = 500;
const MAX_WAITING = 10_000;
/** Calls that are under way at once. */
const MAX_AT_ONCE = 100;

interface Waiting extends Repeatable {
  readonly until: number;
  error: unknown;
}

/**
 * Repeats calls that got no answer until they get one.
 * @returns `close` repeats all calls once more, and gives up those that get no answer
 */
export function createRepeater(clock: Clock): { add(call: Repeatable, error: unknown): void; close(): Promise<void> } {
  const waiting = new Set<Waiting>();
  let timer: NodeJS.Timeout | undefined;
  let round: Promise<void> | undefined;
  let isClosed = false;
  let failedRounds = 0;

  async function repeat(call: Waiting): Promise<void> {
    if (await isAnswered(call, clock.monotonic() >= call.until)) failedRounds = 0;
    else if (call.what === "cancel" || clock.monotonic() < call.until) return;
    else publishLoss(call);
    waiting.delete(call);
  }

  async function repeatAll(): Promise<void> {
    const calls = [...waiting];
    failedRounds++;
    for (let i = 0; i < calls.length; i += MAX_AT_ONCE) await Promise.all(calls.slice(i, i + MAX_AT_ONCE).map(repeat));
  }

  function arm(): void {
    if (timer !== undefined || isClosed || waiting.size === 0) return;
    const pause = Math.min(PAUSE_MS * 2 ** Math.min(failedRounds, 8), MAX_PAUSE_MS);
    // Unreferenced: a process that ends gives up the calls, and the holds expire.
    // The request that needs the timer first is not the only one: it runs in no tenant's context.
    timer = inRootContext(() => setTimeout(() => void (round = onTimer()), pause).unref());
  }

  async function onTimer(): Promise<void> {
    await repeatAll();
    timer = undefined;
    arm();
  }

  return {
    add(call, error) {
      const added = { ...call, error, until: clock.monotonic() + call.forMs };
      if (isClosed) return publishLoss(added);
      waiting.add(added);
      const [oldest] = waiting;
      if (oldest !== undefined && waiting.size > MAX_WAITING && waiting.delete(oldest)) publishLoss(oldest);
      arm();
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await round;
      await repeatAll();
      for (const call of waiting) publishLoss(call);
      waiting.clear();
    },
  };
}

/** Runs a call once more. `isOld`: the store may have forgotten what it did. */
async function isAnswered(call: Waiting, isOld: boolean): Promise<boolean> {
  try {
    const taken = Number(await call.run());
    if (call.what === "cancel" && taken === 0 && isOld) publishLoss(call);
    return true;
  } catch (error) {
    call.error = error;
    return false;
  }
}

function publishLoss({ what, tenantId, metrics, error }: Waiting): void {
  repeatFail.publish(() => ({ tenantId, metrics, what, error }));
}
