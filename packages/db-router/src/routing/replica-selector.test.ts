import { describe, expect, it } from "vitest";
import { NodeEntry } from "../cluster/node-state.js";
import type { DbNode } from "../types.js";
import { createChooser } from "./replica-selector.js";

const entryOf = (name: string, options: Partial<DbNode> = {}): NodeEntry =>
  // Nothing is asked of the pool where a node is only chosen.
  new NodeEntry({
    name,
    isOwned: false,
    pool: {} as DbNode["pool"],
    probe: () => Promise.reject(new Error(name)),
    ...options,
  });

/** How often each was chosen of 100 times. */
function shares(entries: readonly NodeEntry[], chooser = createChooser("least-in-flight", undefined)) {
  const counts: Record<string, number> = {};
  for (let i = 0; i < 100; i++) {
    const name = chooser.choose(entries, (entry) => entry.node.name !== "primary")?.node.name ?? "none";
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

describe("the choice of a replica", () => {
  it("gives idle replicas equal shares, wherever one that may not serve stands among them", () => {
    const [primary, one, two, three] = ["primary", "one", "two", "three"].map((name) => entryOf(name)) as [
      ...[NodeEntry, NodeEntry, NodeEntry, NodeEntry],
    ];
    expect(shares([primary, one, two])).toEqual({ one: 50, two: 50 });
    expect(shares([one, primary, two])).toEqual({ one: 50, two: 50 });
    expect(Object.values(shares([one, primary, two, three])).toSorted((a, b) => a - b)).toEqual([33, 33, 34]);
  });

  it("takes the one with the least in flight for its weight", () => {
    const [light, heavy] = [entryOf("light"), entryOf("heavy", { weight: 3 })];
    const counts = { light: 0, heavy: 0 };
    const chooser = createChooser("least-in-flight", undefined);
    for (let i = 0; i < 40; i++) {
      const chosen = chooser.choose([light, heavy], () => true) as NodeEntry;
      chosen.inFlight++;
      counts[chosen.node.name as "light" | "heavy"]++;
    }
    expect(counts).toEqual({ light: 10, heavy: 30 });
  });

  it("stays in the own zone while one there may serve", () => {
    const [near, far] = [entryOf("near", { zone: "a" }), entryOf("far", { zone: "b" })];
    const chooser = createChooser("round-robin", "a");
    expect(shares([near, far], chooser)).toEqual({ near: 100 });
    expect(chooser.choose([near, far], (entry) => entry === far)).toBe(far);
    expect(chooser.choose([near, far], () => false)).toBeUndefined();
  });
});
