import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { manualCluster } from "../../test/manual-cluster.js";

fc.configureGlobal({ seed: 20_261_120 });

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
        const { registry, p, a, b, begin, scope } = manualCluster();
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
