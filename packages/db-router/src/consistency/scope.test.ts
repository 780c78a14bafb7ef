import { describe, expect, it } from "vitest";
import { manualCluster } from "../../test/manual-cluster.js";
import { Scope } from "./scope.js";

describe("a scope", () => {
  it("may read anywhere before it has written", () => {
    const { registry, a, b, scope } = manualCluster();
    const own = scope();
    expect([own.isSatisfiedBy(a, registry), own.isSatisfiedBy(b, registry)]).toEqual([true, true]);
  });

  it("reads its write from a replica that has replayed a later sample of the primary", () => {
    const { registry, p, a, b, poll, scope } = manualCluster();
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
    const { registry, p, a, begin, poll, scope } = manualCluster();
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
    const { registry, p, a, poll, scope } = manualCluster();
    const own = scope();
    own.recordWrite(registry.tick);
    poll(p, 200);
    poll(a, 200);
    own.recordWrite(registry.tick);
    expect(own.isSatisfiedBy(a, registry)).toBe(false);
  });

  it("does not go back in time from one replica to another", () => {
    const { registry, a, b, poll, scope } = manualCluster();
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
    const { registry, p, a, poll, scope } = manualCluster();
    const own = scope();
    own.recordPrimaryRead(registry.tick);
    expect(own.isSatisfiedBy(a, registry)).toBe(false);
    poll(p, 200);
    poll(a, 200);
    expect(own.isSatisfiedBy(a, registry)).toBe(true);
  });

  it("leaves a replica that lost connections, because it may return with less data", () => {
    const { registry, p, a, b, poll, scope } = manualCluster();
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
    const { registry, p, a, b, poll, scope } = manualCluster();
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
    const { registry, p, a, poll, scope } = manualCluster();
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
    const { registry, p, a, b, begin, poll, scope } = manualCluster();
    const own = scope();
    own.recordWrite(registry.tick);
    poll(p, 9_000);
    begin(b, 2)(150);
    expect([registry.writer, own.isSatisfiedBy(b, registry)]).toEqual([undefined, false]);
    begin(a, 2, false)(150);
    expect(own.isSatisfiedBy(b, registry)).toBe(true);
  });

  it("drops positions of an ended timeline, and uses a sample of the new primary", () => {
    const { registry, a, b, begin, scope } = manualCluster();
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
