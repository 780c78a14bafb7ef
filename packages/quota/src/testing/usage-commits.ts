import { expect, it } from "vitest";
import { hold, type NewUsageBench, tokens } from "./usage-fixture.js";

/** What a store records of what was really used. */
export function describeCommits(newBench: NewUsageBench): void {
  it("records above what was reserved while there is room, and then as it is told", async () => {
    for (const [over, recorded] of [
      ["reject", 0],
      ["cap", 40],
      ["overflow", 90],
    ] as const) {
      const { store, commit, level } = await newBench();
      await store.reserve(hold("other", 60));
      await store.reserve(hold("a", 10));
      expect(await commit("a", 90, over)).toMatchObject({ committed: over !== "reject", recorded, late: false });
      expect(await level()).toEqual(over === "reject" ? [0, 70] : [recorded, 60]);
    }
    const { store, commit } = await newBench();
    await store.reserve(hold("a", 10));
    expect(await commit("a", 100)).toMatchObject({ committed: true, recorded: 100 });
  });

  it("lets a rejected commit be made again with less", async () => {
    const { store, commit, level } = await newBench();
    await store.reserve(hold("a", 10));
    await commit("a", 101);
    expect(await commit("a", 100)).toMatchObject({ committed: true, recorded: 100, late: false });
    expect(await level()).toEqual([100, 0]);
  });

  it("records a late commit although others have taken the room", async () => {
    const { clock, store, commit } = await newBench();
    await store.reserve(hold("a", 60, 1000));
    clock.advance(1000);
    await store.reserve(hold("b", 100));
    expect(await commit("a", 60)).toMatchObject({ committed: true, recorded: 60, used: 60, held: 100, late: true });
    expect(await commit("a", 60)).toMatchObject({ recorded: 60, late: true, repeated: true });
    expect(await commit("b", 100)).toMatchObject({ recorded: 100, late: false, used: 160 });
  });

  it("holds a late commit to `over` for what it had not reserved", async () => {
    const { clock, store, commit } = await newBench();
    await store.reserve(hold("a", 20, 1000));
    clock.advance(1000);
    await store.reserve(hold("b", 70));
    expect(await commit("a", 40)).toMatchObject({ committed: false, late: true });
    expect(await commit("a", 40, "cap")).toMatchObject({ recorded: 30, late: true });
  });

  it("records what nobody reserved, as late", async () => {
    const { commit, level, release } = await newBench();
    expect(await commit("never seen", 130, "cap")).toMatchObject({ committed: true, recorded: 130, late: true });
    await release("neither");
    expect(await level()).toEqual([130, 0]);
  });

  it("records a commit after a release, as late", async () => {
    const { store, commit, release } = await newBench();
    await store.reserve(hold("a", 10));
    await release("a");
    expect(await commit("a", 10)).toMatchObject({ committed: true, recorded: 10, late: true });
  });

  it("takes no bound for as many units as can be counted", async () => {
    const { store } = await newBench();
    const soft = { ...tokens, limit: 10, max: Infinity };
    const most = 2 ** 52;
    const commit = (id: string, units: number) => store.commit({ ...soft, id, units, over: "overflow" });
    expect(await commit("a", most - 1)).toMatchObject({ recorded: most - 1, used: most - 1, reached: [0.8, 1] });
    expect(await commit("b", most)).toMatchObject({ recorded: 1, used: most });
    expect(await store.reserve({ ...soft, id: "c", units: 1, ttlMs: 1000 })).toMatchObject({ admitted: false });
  });
}
