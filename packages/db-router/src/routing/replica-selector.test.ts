import { describe, expect, it } from "vitest";
import { NodeState } from "../cluster/node-state.js";
import type { DbNode } from "../types.js";
import { createReplicaSelector } from "./replica-selector.js";

const nodeOf = (name: string, options: Partial<DbNode> = {}): NodeState =>
  // Selection does not use the pool.
  new NodeState({
    name,
    isOwned: false,
    pool: {} as DbNode["pool"],
    probe: () => Promise.reject(new Error(name)),
    ...options,
  });

/** Selections of each node, of 100. */
function shares(nodes: readonly NodeState[], select = createReplicaSelector({ policy: "least-in-flight" })) {
  const counts: Record<string, number> = {};
  for (let i = 0; i < 100; i++) {
    const name = select(nodes, (node) => node.dbNode.name !== "primary")?.dbNode.name ?? "none";
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

describe("replica selection", () => {
  it("gives idle replicas equal shares, at any position of an ineligible node between them", () => {
    const [primary, one, two, three] = ["primary", "one", "two", "three"].map((name) => nodeOf(name)) as [
      ...[NodeState, NodeState, NodeState, NodeState],
    ];
    expect(shares([primary, one, two])).toEqual({ one: 50, two: 50 });
    expect(shares([one, primary, two])).toEqual({ one: 50, two: 50 });
    expect(Object.values(shares([one, primary, two, three])).toSorted((a, b) => a - b)).toEqual([33, 33, 34]);
  });

  it("selects the replica with the fewest running statements for its weight", () => {
    const [light, heavy] = [nodeOf("light"), nodeOf("heavy", { weight: 3 })];
    const counts = { light: 0, heavy: 0 };
    const select = createReplicaSelector({ policy: "least-in-flight" });
    for (let i = 0; i < 40; i++) {
      const selected = select([light, heavy], () => true) as NodeState;
      selected.inFlight++;
      counts[selected.dbNode.name as "light" | "heavy"]++;
    }
    expect(counts).toEqual({ light: 10, heavy: 30 });
  });

  it("stays in its zone while a replica there is eligible", () => {
    const [near, far] = [nodeOf("near", { zone: "a" }), nodeOf("far", { zone: "b" })];
    const select = createReplicaSelector({ policy: "round-robin", zone: "a" });
    expect(shares([near, far], select)).toEqual({ near: 100 });
    expect(select([near, far], (node) => node === far)).toBe(far);
    expect(select([near, far], () => false)).toBeUndefined();
  });
});
