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
  it("elects the node that is not in recovery", () => {
    expect(electWriter([node("a", { isStandby: false }), node("b")], nothing)).toEqual({
      systemId: "7",
      timeline: 1,
      writer: "a",
      isForked: false,
    });
  });

  it("elects the promoted node while the old primary still answers", () => {
    const nodes = [node("a", { isStandby: false }), node("b", { isStandby: false, timeline: 2 })];
    expect(electWriter(nodes, { systemId: "7", timeline: 1, writer: "a", isForked: false }).writer).toBe("b");
  });

  it("elects no node while the promoted one is unreachable and an old primary answers", () => {
    const nodes = [node("a", { isStandby: false }), node("b", { isStandby: false, timeline: 2, isReachable: false })];
    expect(electWriter(nodes, { systemId: "7", timeline: 2, writer: "b", isForked: false }).writer).toBeUndefined();
  });

  it("learns a timeline from a standby that follows it", () => {
    const nodes = [node("a", { isStandby: false }), node("c", { timeline: 2 })];
    expect(electWriter(nodes, nothing)).toEqual({ systemId: "7", timeline: 2, writer: undefined, isForked: false });
  });

  it("never elects a node of another cluster", () => {
    const nodes = [
      node("a", { isStandby: false, isReachable: false }),
      node("x", { isStandby: false, timeline: 9, systemId: "8" }),
    ];
    expect(electWriter(nodes, nothing)).toEqual({ systemId: "7", timeline: 1, writer: undefined, isForked: false });
  });

  it("keeps the writer when two nodes take writes", () => {
    const nodes = [node("a", { isStandby: false }), node("b", { isStandby: false })];
    expect(electWriter(nodes, { systemId: "7", timeline: 1, writer: "b", isForked: false }).writer).toBe("b");
  });

  it("never returns to a lower timeline, for any order of answers", () => {
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
