import { systemTimerClock } from "../clock.js";

/** A pause that can end early. An end between two pauses ends the next one. */
export interface Pause {
  wait(ms: number): Promise<void>;
  end(): void;
}

export function createPause(): Pause {
  let endNow: (() => void) | undefined;
  let isEnded = false;
  return {
    wait(ms) {
      if (isEnded || ms <= 0) {
        isEnded = false;
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        const finish = (): void => {
          cancel();
          endNow = undefined;
          resolve();
        };
        const cancel = systemTimerClock.setTimer(finish, ms);
        endNow = finish;
      });
    },
    end() {
      if (endNow === undefined) isEnded = true;
      else endNow();
    },
  };
}
