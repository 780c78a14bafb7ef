import { inRootContext } from "@scale/core/kit";

/** Repeats work. Two runs never overlap, and the process may end between them. */
export interface Repetition {
  /** Runs now, or joins the run that is under way. Rejects with the error of the work. */
  runNow(): Promise<void>;
  /** Ends the repetition, waits for a run that is under way, and runs once more. */
  close(): Promise<void>;
}

/** @param onFail receives errors of the repeated runs; those of `runNow` and of `close` reject */
export function repeat(work: () => Promise<void>, everyMs: number, onFail: (error: unknown) => void): Repetition {
  let running: Promise<void> | undefined;
  let isOpen = true;
  let timer = arm();
  function runNow(): Promise<void> {
    running ??= work().finally(() => {
      running = undefined;
    });
    return running;
  }
  function arm(): NodeJS.Timeout {
    return inRootContext(() => setTimeout(tick, everyMs).unref());
  }
  function tick(): void {
    void runNow()
      .catch(onFail)
      .finally(() => {
        if (isOpen) timer = arm();
      });
  }
  return {
    runNow,
    async close() {
      isOpen = false;
      clearTimeout(timer);
      // Its failure was reported where it was started.
      await running?.catch(() => undefined);
      await runNow();
    },
  };
}
