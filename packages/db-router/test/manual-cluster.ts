import { createManualClock } from "@scale/core/testing";
import { NodeRegistry } from "../src/cluster/node-registry.js";
import type { NodeState } from "../src/cluster/node-state.js";
import { Scope } from "../src/consistency/scope.js";
import { scriptedNode } from "./scripted-node.js";

interface ManualCluster {
  readonly registry: NodeRegistry;
  readonly p: NodeState;
  readonly a: NodeState;
  readonly b: NodeState;
  /** Begins a poll. @returns a function that ends it with a position */
  begin(node: NodeState, timeline?: number, isStandby?: boolean): (lsn: number) => void;
  poll(node: NodeState, lsn: number, timeline?: number): void;
  scope(): Scope;
}

/** A cluster whose polls the test begins and ends. */
export function manualCluster(): ManualCluster {
  const clock = createManualClock();
  const registry = new NodeRegistry({
    name: "db",
    primary: scriptedNode("p"),
    replicas: [scriptedNode("a"), scriptedNode("b")],
    eligibility: { maxMs: 5_000, maxBytes: 1e9, staleMs: 1e9, failures: 2 },
    ejection: { failures: 2, ejectMs: 1_000, maxEjectMs: 8_000 },
    minServing: 0,
    giveUpMs: 5_000,
    clock,
    random: () => 0,
  });
  const [p, a, b] = registry.nodes as [NodeState, NodeState, NodeState];
  const begin = (node: NodeState, timeline = 1, isStandby = node !== p) => {
    const tick = registry.beginPoll();
    return (lsn: number): void => {
      const status = { isStandby, lsn, timeline, systemId: "7", version: 180_004 };
      registry.recordPoll(node, status, { tick, atMs: clock.monotonic() });
    };
  };
  const poll = (node: NodeState, lsn: number, timeline = 1): void => begin(node, timeline)(lsn);
  for (const node of [p, a, b]) poll(node, 100);
  return { registry, p, a, b, begin, poll, scope: () => new Scope(registry, { consistency: "session" }) };
}
