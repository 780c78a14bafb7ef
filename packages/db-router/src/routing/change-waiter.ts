import { ClosedError } from "../errors.js";
import type { Fleet } from "../cluster/node-registry.js";
import type { Poller } from "../cluster/poller.js";

export interface Wait<T> {
  readonly ms: number;
  /** Tried now and after every change; what is not `undefined` ends the wait. */
  readonly attempt: () => T | undefined;
}

export interface Waiting {
  /** @returns what `attempt` gave, or `undefined` when the time is up */
  until<T>(wait: Wait<T>): Promise<T | undefined>;
  /** Ends all waits with SCALE_CLOSED. */
  close(): void;
}

/** Waits for what polls find, and lets them come at once meanwhile. */
export function createWaiting(fleet: Fleet, poller: Poller): Waiting {
  const open = new Set<(error: Error) => void>();

  function until<T>({ ms, attempt }: Wait<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        stopListening();
        stopHurrying();
        open.delete(fail);
        settle();
      };
      const fail = (error: Error): void => end(() => reject(error));
      const tryNow = (): void => {
        try {
          const found = attempt();
          if (found !== undefined) end(() => resolve(found));
        } catch (error) {
          end(() => reject(error));
        }
      };
      const timer = setTimeout(() => end(() => resolve(undefined)), ms).unref();
      const stopListening = fleet.onChange(tryNow);
      const stopHurrying = poller.hurry();
      open.add(fail);
    });
  }

  return {
    until,
    close: () => {
      for (const fail of [...open]) fail(new ClosedError(fleet.options.name));
    },
  };
}
