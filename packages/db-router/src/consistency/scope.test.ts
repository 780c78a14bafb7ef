import { createManualClock } from "@scale/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NodeEntry } from "../cluster/node-state.js";
import { Fleet } from "../cluster/node-registry.js";
import { Scope } from "./scope.js";
import { scriptedNode } from "../testing/scripted-node.js";

fc.configureGlobal({ seed: 20_261_120 });

/** A cluster of which every poll is made by hand: it begins, and it ends. */
function cluster() {
  const clock = createManualClock();
  const fleet = new Fleet({
    name: "db",
    primary: scriptedNode("p"),
    replicas: [scriptedNode("a"), scriptedNode("b")],
    fitness: { maxMs: 5_000, maxBytes: 1e9, staleMs: 1e9, failures: 2 },
    health: { failures: 2, ejectMs: 1_000, maxEjectMs: 8_000 },
    minServing: 0,
    clock,
    random: () => 0,
  });
  const [p, a, b] = fleet.entries as [NodeEntry, NodeEntry, NodeEntry];
  const begin = (entry: NodeEntry, timeline = 1, isStandby = entry !== p) => {
    const tick = fleet.begin();
    return (lsn: number): void => {
      const status = { isStandby, lsn, timeline, systemId: "7", version: 180_004 };
      fleet.answered(entry, status, { tick, atMs: clock.monotonic() });
    };
  };
  const poll = (entry: NodeEntry, lsn: number, timeline = 1): void => begin(entry, timeline)(lsn);
  for (const entry of [p, a, b]) poll(entry, 100);
  return { fleet, p, a, b, begin, poll, scope: () => new Scope(fleet, { consistency: "session" }) };
}

describe("a scope", () => {
  it("may read anywhere before it has written", () => {
    const { fleet, a, b, scope } = cluster();
    const own = scope();
    expect([own.allows(a, fleet), own.allows(b, fleet)]).toEqual([true, true]);
  });

  it("reads what it wrote from a replica that has a sample of the primary that began later", () => {
    const { fleet, p, a, b, poll, scope } = cluster();
    const own = scope();
    own.wrote(fleet.tick);
    expect(own.allows(a, fleet)).toBe(false);
    poll(a, 500);
    expect(own.allows(a, fleet)).toBe(false);
    poll(p, 200);
    expect([own.allows(a, fleet), own.allows(b, fleet)]).toEqual([true, false]);
    poll(b, 200);
    expect(own.allows(b, fleet)).toBe(true);
  });

  it("does not trust a sample that was under way when its write was over", () => {
    const { fleet, p, a, begin, poll, scope } = cluster();
    const own = scope();
    const answer = begin(p);
    own.wrote(fleet.tick);
    answer(150);
    poll(a, 1_000);
    expect(own.allows(a, fleet)).toBe(false);
    poll(p, 200);
    expect(own.allows(a, fleet)).toBe(true);
  });

  it("asks for a further sample when it writes again", () => {
    const { fleet, p, a, poll, scope } = cluster();
    const own = scope();
    own.wrote(fleet.tick);
    poll(p, 200);
    poll(a, 200);
    own.wrote(fleet.tick);
    expect(own.allows(a, fleet)).toBe(false);
  });

  it("does not go back in time from one replica to another", () => {
    const { fleet, a, b, poll, scope } = cluster();
    const own = scope();
    own.settleOn(a, fleet.tick);
    own.readReplica(a, fleet.tick);
    // How far `a` had come when it answered is not known yet.
    expect([own.allows(a, fleet), own.allows(b, fleet)]).toEqual([true, false]);
    poll(a, 300);
    poll(b, 299);
    expect(own.allows(b, fleet)).toBe(false);
    poll(b, 300);
    expect(own.allows(b, fleet)).toBe(true);
  });

  it("does not go back in time from the primary to a replica", () => {
    const { fleet, p, a, poll, scope } = cluster();
    const own = scope();
    own.readPrimary(fleet.tick);
    expect(own.allows(a, fleet)).toBe(false);
    poll(p, 200);
    poll(a, 200);
    expect(own.allows(a, fleet)).toBe(true);
  });

  it("leaves a replica that lost connections: it may come back with less", () => {
    const { fleet, p, a, b, poll, scope } = cluster();
    const own = scope();
    own.settleOn(a, fleet.tick);
    own.readReplica(a, fleet.tick);
    fleet.lost(a);
    poll(a, 90);
    expect([own.allows(a, fleet), own.allows(b, fleet)]).toEqual([false, false]);
    own.readPrimary(fleet.tick);
    poll(p, 200);
    poll(b, 200);
    expect(own.allows(b, fleet)).toBe(true);
  });

  it("goes by the primary when its parallel reads ended on two replicas", () => {
    const { fleet, p, a, b, poll, scope } = cluster();
    const own = scope();
    own.settleOn(a, fleet.tick);
    poll(a, 110);
    poll(b, 110);
    own.settleOn(b, fleet.tick);
    own.readReplica(b, fleet.tick);
    own.readReplica(a, fleet.tick);
    expect([own.allows(a, fleet), own.allows(b, fleet)]).toEqual([false, false]);
    poll(p, 120);
    poll(a, 120);
    poll(b, 120);
    expect(own.allows(b, fleet)).toBe(true);
  });

  it("tells the scope around it what was written and seen", () => {
    const { fleet, p, a, poll, scope } = cluster();
    const outer = scope();
    const inner = new Scope(fleet, { consistency: "session", parent: outer });
    inner.wrote(fleet.tick);
    expect(outer.allows(a, fleet)).toBe(false);
    expect(outer.hasWritten).toBe(true);
    poll(p, 200);
    poll(a, 200);
    expect(outer.allows(a, fleet)).toBe(true);
    inner.readPrimary(fleet.tick);
    expect(outer.allows(a, fleet)).toBe(false);
    poll(p, 200);
    expect(outer.allows(a, fleet)).toBe(true);
    const later = new Scope(fleet, { consistency: "session", parent: outer });
    poll(a, 199);
    expect(later.allows(a, fleet)).toBe(false);
  });

  it("takes no sample of the old primary for one of the new", () => {
    const { fleet, p, a, b, begin, poll, scope } = cluster();
    const own = scope();
    own.wrote(fleet.tick);
    poll(p, 9_000);
    begin(b, 2)(150);
    expect([fleet.writer, own.allows(b, fleet)]).toEqual([undefined, false]);
    begin(a, 2, false)(150);
    expect(own.allows(b, fleet)).toBe(true);
  });

  it("forgets positions of a timeline that has ended, and goes by a sample of the new primary", () => {
    const { fleet, a, b, begin, scope } = cluster();
    const own = scope();
    own.require(1_000);
    begin(a, 2, false)(150);
    begin(b, 2)(150);
    expect(fleet.writer).toBe(a);
    expect(own.allows(b, fleet)).toBe(false);
    begin(a, 2, false)(160);
    begin(b, 2)(160);
    expect(own.allows(b, fleet)).toBe(true);
  });
});

/**
 * A model of the truth: commits have numbers, a replica replays a prefix of them, a poll sees the state of its end, and a
 * read sees that of any moment while it runs. A replica that crashes comes back with less, its reads and polls fail. Whatever happens in whatever order, a read must never be sent to a replica
 * that lacks what its scope has written, or seen by a read that was over before.
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

  it("never show less than was written or seen", () => {
    let onReplicas = 0;
    let stale = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 250 }), (steps) => {
        const { fleet, p, a, b, begin, scope } = cluster();
        const entries = [p, a, b];
        const reached = [100, 100, 100];
        const polls: (((lsn: number) => void) | undefined)[] = [];
        const scopes = [scope(), scope(), scope()];
        const must = [0, 0, 0];
        const reads: { node: number; finish: () => void }[][] = [[], [], []];
        for (const each of steps) {
          if (each.is === "commit") reached[0]! += 1;
          if (each.is === "write") {
            must[each.scope] = reached[0]! += 1;
            scopes[each.scope]!.wrote(fleet.tick);
          }
          if (each.is === "replay") reached[each.node + 1] = Math.min(reached[each.node + 1]! + each.by, reached[0]!);
          if (each.is === "begin") polls[each.node] ??= begin(entries[each.node]!);
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
            fleet.lost(entries[node]!);
          }
          if (each.is !== "read") continue;
          const { scope: of, node, seesEnd, isQuick } = each;
          const [entry, own] = [entries[node]!, scopes[of]!];
          if (entry !== p) {
            if (!entry.isServing || !own.allows(entry, fleet)) continue;
            onReplicas += 1;
            if (reached[node]! < must[of]!) stale += 1;
            own.settleOn(entry, fleet.tick);
          }
          const atStart = reached[node]!;
          const finish = (): void => {
            must[of] = Math.max(must[of]!, seesEnd ? reached[node]! : atStart);
            if (entry === p) own.readPrimary(fleet.tick);
            else own.readReplica(entry, fleet.tick);
          };
          if (isQuick) finish();
          else reads[of]!.push({ node, finish });
        }
        expect(stale).toBe(0);
      }),
      { numRuns: 3_000 },
    );
    // The schedules are such that replicas are used at all.
    expect(onReplicas).toBeGreaterThan(5_000);
  });
});
