import { AsyncResource } from "node:async_hooks";
import type { NodeRegistry } from "../cluster/node-registry.js";
import type { Poller } from "../cluster/poller.js";
import { ClosedError } from "../errors.js";

export interface ChangeWaiter {
  /**
   * Calls `attempt` after every change of the registry, in the context of the caller, until it returns a value.
   * @returns that value, or `undefined` after `ms`
   */
  until<T>(wait: { readonly ms: number; readonly attempt: () => T | undefined }): Promise<T | undefined>;
  /** Rejects all waits with SCALE_CLOSED. */
  close(): void;
}

/** Waits for changes that polls find. Polling is fast while a wait is open. */
export function createChangeWaiter(registry: NodeRegistry, poller: Poller): ChangeWaiter {
  const open = new Set<(error: Error) => void>();

  const until: ChangeWaiter["until"] = ({ ms, attempt: work }) =>
    new Promise((resolve, reject) => {
      // A change is found by a poll, or by a statement of another tenant.
      const attempt = AsyncResource.bind(work);
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        removeListener();
        endFastPolling();
        open.delete(fail);
        settle();
      };
      const fail = (error: Error): void => end(() => reject(error));
      const tryNow = (): void => {
        try {
          const result = attempt();
          if (result !== undefined) end(() => resolve(result));
        } catch (error) {
          end(() => reject(error));
        }
      };
      // A caller waits: the process must not exit meanwhile.
      const timer = setTimeout(() => end(() => resolve(undefined)), ms);
      const removeListener = registry.onChange(tryNow);
      const endFastPolling = poller.pollFast();
      open.add(fail);
    });

  return {
    until,
    close: () => {
      for (const fail of [...open]) fail(new ClosedError(registry.options.name));
    },
  };
}
