import type { NodeState } from "../cluster/node-state.js";

/** Selects one of the eligible replicas, or returns `undefined` when none is. */
export type ReplicaSelector = (
  nodes: readonly NodeState[],
  isEligible: (node: NodeState) => boolean,
) => NodeState | undefined;

/** Prefers the replicas of the process's zone. A selector runs for every read, so it builds no lists. */
export function createReplicaSelector({
  policy,
  zone,
}: {
  readonly policy: "least-in-flight" | "round-robin";
  readonly zone?: string | undefined;
}): ReplicaSelector {
  const select = policy === "least-in-flight" ? leastInFlight() : roundRobin;
  if (zone === undefined) return select;
  return (nodes, isEligible) =>
    select(nodes, (node) => node.dbNode.zone === zone && isEligible(node)) ?? select(nodes, isEligible);
}

/** Fewest running statements for its weight. Ties rotate; otherwise the first replica would serve all reads at low load. */
function leastInFlight(): ReplicaSelector {
  let last = 0;
  return (nodes, isEligible) => {
    const { length } = nodes;
    let best: NodeState | undefined;
    let selected = last;
    let least = Infinity;
    // Starts after the last selection: an ineligible node must not pass its turn to its neighbour.
    for (let offset = 1; offset <= length; offset += 1) {
      const index = (last + offset) % length;
      const node = nodes[index] as NodeState;
      const load = (node.inFlight + 1) / node.weight;
      if (load < least && isEligible(node)) {
        best = node;
        selected = index;
        least = load;
      }
    }
    last = selected;
    return best;
  };
}

/** Smooth weighted round robin: shares follow the weights, and the turns of a heavy node are spread over the round. */
function roundRobin(nodes: readonly NodeState[], isEligible: (node: NodeState) => boolean): NodeState | undefined {
  let best: NodeState | undefined;
  let total = 0;
  for (const node of nodes) {
    if (!isEligible(node)) continue;
    node.credit += node.weight;
    total += node.weight;
    if (best === undefined || node.credit > best.credit) best = node;
  }
  if (best !== undefined) best.credit -= total;
  return best;
}
