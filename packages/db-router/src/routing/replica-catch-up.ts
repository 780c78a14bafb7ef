import type { NodeState } from "../cluster/node-state.js";
import { canWait, waitForLsn } from "../cluster/wait-for-lsn.js";
import type { Scope } from "../consistency/scope.js";
import type { Lsn } from "../postgres/lsn.js";
import type { RouterState } from "./router-state.js";

/**
 * Waits until a replica has replayed the scope's writes. A server with `WAIT FOR LSN` waits itself; otherwise polling is
 * fast meanwhile.
 * @param attempt selects a replica that may serve now
 * @returns `undefined` after `ms`
 */
export function awaitReplica(
  { registry, changes }: RouterState,
  scope: Scope,
  { attempt, ms }: { readonly attempt: () => NodeState | undefined; readonly ms: number },
): Promise<NodeState | undefined> {
  const { clock } = registry.options;
  const untilMs = clock.monotonic() + ms;
  let isServerWaiting = false;

  function waitOnServer(node: NodeState, lsn: Lsn): void {
    isServerWaiting = true;
    waitForLsn(node, lsn, untilMs - clock.monotonic()).then(
      (reached) => {
        if (reached) registry.recordReplayed(node, lsn);
      },
      // Polls continue and record what is wrong with the node.
      () => undefined,
    );
  }

  return changes.until({
    ms,
    attempt: () => {
      const found = attempt();
      if (found !== undefined || isServerWaiting || !scope.resolvePosition(registry)) return found;
      const node = registry.nodes.find((each) => each.isServingReads && canWait(each));
      if (node !== undefined) waitOnServer(node, scope.minLsn);
      return undefined;
    },
  });
}
