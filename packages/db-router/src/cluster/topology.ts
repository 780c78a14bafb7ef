/** The facts about a node that decide which node takes writes. */
export interface Candidate {
  readonly name: string;
  readonly isStandby: boolean;
  readonly timeline: number;
  readonly systemId: string;
  readonly isReachable: boolean;
}

export interface Topology {
  /** System identifier of the cluster, set by the first node that answers. It never changes. */
  readonly systemId: string | undefined;
  /** Highest timeline that any node of the cluster has been on; 0 before the first answer. */
  readonly timeline: number;
  /** Name of the node that takes writes. */
  readonly writer: string | undefined;
  /** True when two nodes of one timeline take writes. A replica's upstream is then unknown. */
  readonly isForked: boolean;
}

/**
 * Elects the writer: of the nodes that are not in recovery, the one on the highest timeline that any node has seen. Each
 * promotion starts a timeline, so an old primary that returns unaware of its successor is on a lower one. Writes sent
 * there would be lost.
 * @param nodes the configured primary first: the first node that answered defines the cluster
 */
export function electWriter(nodes: readonly Candidate[], before: Topology): Topology {
  const systemId = before.systemId ?? nodes[0]?.systemId;
  const ours = nodes.filter((node) => node.systemId === systemId);
  const timeline = Math.max(before.timeline, ...ours.map((node) => node.timeline));
  const writable = ours.filter((node) => !node.isStandby && node.isReachable && node.timeline === timeline);
  // Two writable nodes of one timeline: both were promoted, or one is a copy. The current writer stays.
  const writer = writable.find((node) => node.name === before.writer) ?? writable[0];
  return { systemId, timeline, writer: writer?.name, isForked: writable.length > 1 };
}
