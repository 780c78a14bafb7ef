import { createManualClock } from "@scale/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NodeState } from "../cluster/node-state.js";
import { NodeRegistry } from "../cluster/node-registry.js";
import { Scope } from "./scope.js";
import { scriptedNode } from "../../test/scripted-node.js";

fc.configureGlobal({ seed: 20_261_120 });

/** A cluster whose polls the test begins and ends. */
function cluster() {
  const clock = createManualClock();
  const registry = new NodeRegistry({
    name: "db",
    primary: scriptedNode("p"),
    replicas: [scriptedNode("a"), scriptedNode("b")],
    eligibility: { maxMs: 5_000, maxBytes: 1e9, staleMs: 1e9, failures: 2 },
    ejection: { failures: 2, ejectMs: 1_000, maxEjectMs: 8_000 },
    minServing: 0,
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

describe("a scope", () => {
  it("may read anywhere before it has written", () => {
    const { registry, a, b, scope } = cluster();
    const own = scope();
    expect([own.isSatisfiedBy(a, registry), own.isSatisfiedBy(b, registry)]).toEqual([true, true]);
  });

  it("reads its write from a replica that has replayed a later sample of the primary", () => {
    const { registry, p, a, b, poll, scope } = cluster();
    const own = scope();
    own.recordWrite(registry.tick);
    expect(own.isSatisfiedBy(a, registry)).toBe(false);
    poll(a, 500);
    expect(own.isSatisfiedBy(a, registry)).toBe(false);
    poll(p, 200);
    expect([own.isSatisfiedBy(a, registry), own.isSatisfiedBy(b, registry)]).toEqual([true, false]);
    poll(b, 200);
    expect(own.isSatisfiedBy(b, registry)).toBe(true);
  });

  it("ignores a sample whose poll was running when its write ended", () => {
    const { registry, p, a, begin, poll, scope } = cluster();
    const own = scope();
    const answer = begin(p);
    own.recordWrite(registry.tick);
    answer(150);
    poll(a, 1_000);
    expect(own.isSatisfiedBy(a, registry)).toBe(false);
    poll(p, 200);
    expect(own.isSatisfiedBy(a, registry)).toBe(true);
  });

  it("needs a further sample after another write", () => {
    const { registry, p, a, poll, scope } = cluster();
    const own = scope();
    own.recordWrite(registry.tick);
    poll(p, 200);
    poll(a, 200);
    own.recordWrite(registry.tick);
    expect(own.isSatisfiedBy(a, registry)).toBe(false);
  });

  it("does not go back in time from one replica to another", () => {
    const { registry, a, b, poll, scope } = cluster();
    const own = scope();
    own.stickTo(a, registry.tick);
    own.recordReplicaRead(a, registry.tick);
    // The position of `a` at the read is known after its next poll.
    expect([own.isSatisfiedBy(a, registry), own.isSatisfiedBy(b, registry)]).toEqual([true, false]);
    poll(a, 300);
    poll(b, 299);
    expect(own.isSatisfiedBy(b, registry)).toBe(false);
    poll(b, 300);
    expect(own.isSatisfiedBy(b, registry)).toBe(true);
  });

  it("does not go back in time from the primary to a replica", () => {
    const { registry, p, a, poll, scope } = cluster();
    const own = scope();
    own.recordPrimaryRead(registry.tick);
    expect(own.isSatisfiedBy(a, registry)).toBe(false);
    poll(p, 200);
    poll(a, 200);
    expect(own.isSatisfiedBy(a, registry)).toBe(true);
  });

  it("leaves a replica that lost connections, because it may return with less data", () => {
    const { registry, p, a, b, poll, scope } = cluster();
    const own = scope();
    own.stickTo(a, registry.tick);
    own.recordReplicaRead(a, registry.tick);
    registry.recordConnectionLoss(a);
    poll(a, 90);
    expect([own.isSatisfiedBy(a, registry), own.isSatisfiedBy(b, registry)]).toEqual([false, false]);
    own.recordPrimaryRead(registry.tick);
    poll(p, 200);
    poll(b, 200);
    expect(own.isSatisfiedBy(b, registry)).toBe(true);
  });

  it("reads from the primary after its parallel reads ended on two replicas", () => {
    const { registry, p, a, b, poll, scope } = cluster();
    const own = scope();
    own.stickTo(a, registry.tick);
    poll(a, 110);
    poll(b, 110);
    own.stickTo(b, registry.tick);
    own.recordReplicaRead(b, registry.tick);
    own.recordReplicaRead(a, registry.tick);
    expect([own.isSatisfiedBy(a, registry), own.isSatisfiedBy(b, registry)]).toEqual([false, false]);
    poll(p, 120);
    poll(a, 120);
    poll(b, 120);
    expect(own.isSatisfiedBy(b, registry)).toBe(true);
  });

  it("records writes and reads in the enclosing scope", () => {
    const { registry, p, a, poll, scope } = cluster();
    const outer = scope();
    const inner = new Scope(registry, { consistency: "session", parent: outer });
    inner.recordWrite(registry.tick);
    expect(outer.isSatisfiedBy(a, registry)).toBe(false);
    expect(outer.hasWritten).toBe(true);
    poll(p, 200);
    poll(a, 200);
    expect(outer.isSatisfiedBy(a, registry)).toBe(true);
    inner.recordPrimaryRead(registry.tick);
    expect(outer.isSatisfiedBy(a, registry)).toBe(false);
    poll(p, 200);
    expect(outer.isSatisfiedBy(a, registry)).toBe(true);
    const later = new Scope(registry, { consistency: "session", parent: outer });
    poll(a, 199);
    expect(later.isSatisfiedBy(a, registry)).toBe(false);
  });

  it("does not mix samples of the old and the new primary", () => {
    const { registry, p, a, b, begin, poll, scope } = cluster();
    const own = scope();
    own.recordWrite(registry.tick);
    poll(p, 9_000);
    begin(b, 2)(150);
    expect([registry.writer, own.isSatisfiedBy(b, registry)]).toEqual([undefined, false]);
    begin(a, 2, false)(150);
    expect(own.isSatisfiedBy(b, registry)).toBe(true);
  });

  it("drops positions of an ended timeline, and uses a sample of the new primary", () => {
    const { registry, a, b, begin, scope } = cluster();
    const own = scope();
    own.requireLsn(1_000);
    begin(a, 2, false)(150);
    begin(b, 2)(150);
    expect(registry.writer).toBe(a);
    expect(own.isSatisfiedBy(b, registry)).toBe(false);
    begin(a, 2, false)(160);
    begin(b, 2)(160);
    expect(own.isSatisfiedBy(b, registry)).toBe(true);
  });
});

/**
 * A model of the true state. Commits are numbered, and a replica replays a prefix of them. A poll sees the state at its
 * end; a read sees the state of any moment while it runs. A replica that crashes returns with less data, and its open reads
 * and polls fail. In any order of these events, a read must never go to a replica that lacks what its scope has written, or
 * has seen in a read that ended before.
 */
describe("scopes over random schedules", () => {
  const step = fc.oneof(
    fc.record({ is: fc.constant("commit" as const) }),
    { weight: 1, arbitrary: fc.record({ is: fc.constant("write" as const), scope: fc.nat(2) }) },
    { weight: 3, arbitrary: fc.record({ is: fc.constant("replay" as const), node: fc.nat(1), by: fc.nat(9) }) },
    { weight: 4, arbitrary: fc.record({ is: fc.constant("begin" as const), node: fc.nat(2) }) },
    { weight: 4, arbitrary: fc.record({ is: fc.constant("end" as const), node: fc.nat(2) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        is: fc.constant("read" as const),
        scope: fc.nat(2),
        node: fc.nat(2),
        seesEnd: fc.boolean(),
        isQuick: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ is: fc.constant("answer" as const), scope: fc.nat(2) }) },
    fc.record({ is: fc.constant("crash" as const), node: fc.nat(1), by: fc.nat(9) }),
  );

  it("never show less than was written or read", () => {
    let onReplicas = 0;
    let stale = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 250 }), (steps) => {
        const { registry, p, a, b, begin, scope } = cluster();
        const nodes = [p, a, b];
        const reached = [100, 100, 100];
        const polls: (((lsn: number) => void) | undefined)[] = [];
        const scopes = [scope(), scope(), scope()];
        const must = [0, 0, 0];
        const reads: { node: number; finish: () => void }[][] = [[], [], []];
        for (const each of steps) {
          if (each.is === "commit") reached[0]! += 1;
          if (each.is === "write") {
            must[each.scope] = reached[0]! += 1;
            scopes[each.scope]!.recordWrite(registry.tick);
          }
          if (each.is === "replay") reached[each.node + 1] = Math.min(reached[each.node + 1]! + each.by, reached[0]!);
          if (each.is === "begin") polls[each.node] ??= begin(nodes[each.node]!);
          if (each.is === "end") {
            polls[each.node]?.(reached[each.node]!);
            polls[each.node] = undefined;
          }
          if (each.is === "answer") reads[each.scope]!.shift()?.finish();
          if (each.is === "crash") {
            const node = each.node + 1;
            reached[node] = Math.max(reached[node]! - each.by, 100);
            polls[node] = undefined;
            for (const [index, open] of reads.entries()) reads[index] = open.filter((read) => read.node !== node);
            registry.recordConnectionLoss(nodes[node]!);
          }
          if (each.is !== "read") continue;
          const { scope: of, node: at, seesEnd, isQuick } = each;
          const [node, own] = [nodes[at]!, scopes[of]!];
          if (node !== p) {
            if (!node.isServingReads || !own.isSatisfiedBy(node, registry)) continue;
            onReplicas += 1;
            if (reached[at]! < must[of]!) stale += 1;
            own.stickTo(node, registry.tick);
          }
          const atStart = reached[at]!;
          const finish = (): void => {
            must[of] = Math.max(must[of]!, seesEnd ? reached[at]! : atStart);
            if (node === p) own.recordPrimaryRead(registry.tick);
            else own.recordReplicaRead(node, registry.tick);
          };
          if (isQuick) finish();
          else reads[of]!.push({ node: at, finish });
        }
        expect(stale).toBe(0);
      }),
      { numRuns: 3_000 },
    );
    // The schedules use replicas often enough.
    expect(onReplicas).toBeGreaterThan(5_000);
  });
});
