/** What is known of a node when it is decided who takes writes. */
export interface Candidate {
  readonly name: string;
  readonly isStandby: boolean;
  readonly timeline: number;
  readonly systemId: string;
  readonly isReachable: boolean;
}

export interface Topology {
  /** Of the cluster, once one of its nodes has answered; it never changes. */
  readonly systemId: string | undefined;
  /** The highest that any node of the cluster has been on; 0 when none has answered. */
  readonly timeline: number;
  /** Who takes writes. */
  readonly writer: string | undefined;
  /** Two nodes of one timeline take writes, and nobody can tell which of them a replica follows. */
  readonly isForked: boolean;
}

/**
 * Among the nodes that are not in recovery the writer is the one on the highest timeline that any node has seen: each
 * promotion begins one. A server that was the primary before, and comes back without knowing that it is no longer, is
 * on a lower one; it would take writes that nobody else ever sees.
 * @param nodes the configured primary first: a cluster that is not known yet is the one of the first node that answered
 */
export function electWriter(nodes: readonly Candidate[], before: Topology): Topology {
  const systemId = before.systemId ?? nodes[0]?.systemId;
  const ours = nodes.filter((node) => node.systemId === systemId);
  const timeline = Math.max(before.timeline, ...ours.map((node) => node.timeline));
  const able = ours.filter((node) => !node.isStandby && node.isReachable && node.timeline === timeline);
  // Two on one timeline have each been promoted, or one is a copy: it stays with the one it was.
  const writer = able.find((node) => node.name === before.writer) ?? able[0];
  return { systemId, timeline, writer: writer?.name, isForked: able.length > 1 };
}
