import type { Lsn } from "../postgres/lsn.js";
import type { NodeEntry } from "../cluster/node-state.js";
import { canWait, waitForLsn } from "../cluster/wait-for-lsn.js";
import type { House } from "./checkout.js";
import type { Scope } from "../consistency/scope.js";
import type { Waiting } from "./change-waiter.js";

export interface ReplicaWait {
  readonly house: House;
  readonly waiting: Waiting;
  readonly scope: Scope;
  readonly attempt: () => NodeEntry | undefined;
  readonly ms: number;
}

/**
 * Waits until a replica has what the scope has written. Where a server can wait for a position, one of them does;
 * otherwise polls come without a pause.
 * @returns `undefined` when the time is up
 */
export function awaitReplica({ house, waiting, scope, attempt, ms }: ReplicaWait): Promise<NodeEntry | undefined> {
  const { fleet } = house;
  const untilMs = fleet.options.clock.monotonic() + ms;
  let asked = false;
  function ask(entry: NodeEntry, lsn: Lsn): void {
    asked = true;
    waitForLsn(entry, lsn, untilMs - fleet.options.clock.monotonic()).then(
      (reached) => {
        if (reached) fleet.reached(entry, lsn);
      },
      // Polls go on, and say what is wrong with it.
      () => undefined,
    );
  }
  return waiting.until({
    ms,
    attempt: () => {
      const found = attempt();
      if (found !== undefined || asked || !scope.settle(fleet)) return found;
      const able = fleet.entries.find((entry) => entry.isServing && canWait(entry));
      if (able !== undefined) ask(able, scope.floor);
      return undefined;
    },
  });
}
