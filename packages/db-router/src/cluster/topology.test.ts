import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Candidate, electWriter, type Topology } from "./topology.js";

fc.configureGlobal({ seed: 20_261_120 });
const nothing: Topology = { systemId: undefined, timeline: 0, writer: undefined, isForked: false };
const node = (name: string, init: Partial<Candidate> = {}): Candidate => ({
  name,
  isStandby: true,
  timeline: 1,
  systemId: "7",
  isReachable: true,
  ...init,
});

describe("electWriter", () => {
  it("takes the node that is not in recovery", () => {
    expect(electWriter([node("a", { isStandby: false }), node("b")], nothing)).toEqual({
      systemId: "7",
      timeline: 1,
      writer: "a",
      isForked: false,
    });
  });

  it("takes the promoted one while the old primary still answers", () => {
    const nodes = [node("a", { isStandby: false }), node("b", { isStandby: false, timeline: 2 })];
    expect(electWriter(nodes, { systemId: "7", timeline: 1, writer: "a", isForked: false }).writer).toBe("b");
  });

  it("takes none rather than an old primary while the promoted one is out of reach", () => {
    const nodes = [node("a", { isStandby: false }), node("b", { isStandby: false, timeline: 2, isReachable: false })];
    expect(electWriter(nodes, { systemId: "7", timeline: 2, writer: "b", isForked: false }).writer).toBeUndefined();
  });

  it("learns of a timeline from a standby that follows it", () => {
    const nodes = [node("a", { isStandby: false }), node("c", { timeline: 2 })];
    expect(electWriter(nodes, nothing)).toEqual({ systemId: "7", timeline: 2, writer: undefined, isForked: false });
  });

  it("never takes a node of another cluster", () => {
    const nodes = [
      node("a", { isStandby: false, isReachable: false }),
      node("x", { isStandby: false, timeline: 9, systemId: "8" }),
    ];
    expect(electWriter(nodes, nothing)).toEqual({ systemId: "7", timeline: 1, writer: undefined, isForked: false });
  });

  it("stays with the one that it was when two claim it", () => {
    const nodes = [node("a", { isStandby: false }), node("b", { isStandby: false })];
    expect(electWriter(nodes, { systemId: "7", timeline: 1, writer: "b", isForked: false }).writer).toBe("b");
  });

  it("never goes back to a lower timeline, whatever answers in whatever order", () => {
    const candidate = fc.record({
      name: fc.constantFrom("a", "b", "c"),
      isStandby: fc.boolean(),
      timeline: fc.integer({ min: 1, max: 5 }),
      systemId: fc.constantFrom("7", "8"),
      isReachable: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(fc.array(candidate, { maxLength: 3 }), { maxLength: 10 }), (turns) => {
        let topology: Topology = { systemId: "7", timeline: 0, writer: undefined, isForked: false };
        for (const nodes of turns) {
          const next = electWriter(nodes, topology);
          const able = nodes.filter((each) => !each.isStandby && each.isReachable && each.systemId === "7");
          const names = able.filter((each) => each.timeline === next.timeline).map((each) => each.name);
          expect([undefined, ...names]).toContain(next.writer);
          expect(next.timeline).toBeGreaterThanOrEqual(topology.timeline);
          topology = next;
        }
      }),
    );
  });
});
