import { isScaleError } from "@scale/core";
import { wasNotSent } from "@scale/core/kit";
import { newCall } from "../idempotency.js";
import { type CancelInput, KEEP_CALL_MS, MAX_HOLD_MS, type UsageStore } from "../store.js";
import type { RedisUsageContext } from "./context.js";
import type { createRepeater, Repeatable } from "./repeat.js";
import { runAndMarkDirty, type RunScript, runWithHydration } from "./run-script.js";
import {
  cancelCall,
  type ChangesInput,
  commitCall,
  consumeCall,
  outcomeOfChanges,
  outcomeOfCommit,
  releaseCall,
  reserveCall,
} from "./script-calls.js";
import { cancel, commit, release, reserve } from "./scripts.gen.js";
import type { WriteBehind } from "./write-behind.js";

/**
 * The calls that change counts. Each has a deadline, and Redis may carry it out later: what a `reserve` or a `consume`
 * took then is taken back, and a `commit`, a `release` or a `cancel` is repeated until Redis answers.
 */
export function createUsageCalls(
  context: RedisUsageContext,
  writeBehind: WriteBehind | undefined,
  repeater: ReturnType<typeof createRepeater>,
): Pick<UsageStore, "reserve" | "consume" | "commit" | "release" | "cancel"> {
  const decide = runWithHydration(context, writeBehind);
  const record = runAndMarkDirty(decide, writeBehind);
  const { orRepeat, cancelled, cancelling } = createUnanswered(context, record, repeater);

  return {
    async reserve({ call = newCall(), ...rest }) {
      const input = { ...rest, call };
      const calls = reserveCall(context, input);
      try {
        return outcomeOfChanges(input, await decide(reserve, calls));
      } catch (error) {
        throw cancelled(input, error);
      }
    },
    async consume({ call = newCall(), ...rest }) {
      const input = { ...rest, call };
      const calls = consumeCall(context, input);
      try {
        return outcomeOfChanges(input, await record(reserve, calls));
      } catch (error) {
        throw cancelled(input, error);
      }
    },
    async commit(input) {
      const calls = commitCall(context, input);
      const { tenantId, metric } = input;
      const run = (): Promise<readonly unknown[]> => record(commit, calls);
      const again: Repeatable = { what: "commit", tenantId, metrics: [metric], forMs: context.rememberMs, run };
      return outcomeOfCommit(input, await orRepeat(again, run()));
    },
    async release(input) {
      const call = releaseCall(context, input);
      const { tenantId, metric } = input;
      const run = (): Promise<unknown> => context.runner.run(release, call);
      await orRepeat({ what: "release", tenantId, metrics: [metric], forMs: MAX_HOLD_MS, run }, run());
    },
    async cancel(input) {
      const again = cancelling(input);
      await orRepeat(again, again.run());
    },
  };
}

/** Repeats or cancels calls that got no answer in time. */
function createUnanswered(
  context: RedisUsageContext,
  record: RunScript,
  repeater: ReturnType<typeof createRepeater>,
): {
  orRepeat<T>(call: Repeatable, answer: Promise<T>): Promise<T>;
  /** Cancels a call that rejected and may be carried out. Returns its error. No promise of its own: every call has this. */
  cancelled(input: ChangesInput, error: unknown): unknown;
  cancelling(input: CancelInput): Repeatable;
} {
  function cancelling({ tenantId, id, call, changes }: CancelInput): Repeatable {
    const metrics = changes.map(({ metric }) => metric);
    const forMs = id === undefined ? KEEP_CALL_MS : context.rememberMs;
    const scriptCall = cancelCall(context, { tenantId, ...(id !== undefined && { id }), call, changes });
    // The ledger may have the units already: the count is flushed again.
    return { what: "cancel", tenantId, metrics, forMs, run: async () => (await record(cancel, scriptCall))[0] };
  }

  return {
    cancelling,
    async orRepeat(call, answer) {
      try {
        return await answer;
      } catch (error) {
        if (isUnanswered(error)) repeater.add(call, error);
        throw error;
      }
    },
    cancelled(input, error) {
      if (input.keepLate !== true && isUnanswered(error) && !wasNotSent(error)) repeater.add(cancelling(input), error);
      return error;
    },
  };
}

const isUnanswered = (error: unknown): boolean =>
  isScaleError(error, "SCALE_TIMEOUT") || isScaleError(error, "SCALE_STORE");
