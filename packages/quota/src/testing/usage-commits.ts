import { expect, it } from "vitest";
import { of100, type UsageFixture } from "./usage-fixture.js";

/** How a store records the units that work used. */
export function describeCommits(newFixture: () => Promise<UsageFixture>): void {
  it.each([
    ["reject", 0],
    ["cap", 40],
    ["overflow", 90],
  ] as const)("records units above the reserved ones, without room for them, by over: %s", async (over, recorded) => {
    const { reserve, commit, totals } = await newFixture();
    await reserve("other", 60);
    await reserve("a", 10);
    expect(await commit("a", 90, over)).toMatchObject({ committed: over !== "reject", recorded, late: false });
    expect(await totals()).toEqual(over === "reject" ? [0, 70] : [recorded, 60]);
  });

  it("records units above the reserved ones while there is room", async () => {
    const { reserve, commit } = await newFixture();
    await reserve("a", 10);
    expect(await commit("a", 100)).toMatchObject({ committed: true, recorded: 100 });
  });

  it("drops a hold and records nothing for a commit of 0 units", async () => {
    const { reserve, commit, totals } = await newFixture();
    await reserve("a", 10);
    expect(await commit("a", 0)).toMatchObject({ committed: true, recorded: 0, late: false });
    expect(await totals()).toEqual([0, 0]);
  });

  it("lets a rejected commit be repeated with fewer units", async () => {
    const { reserve, commit, totals } = await newFixture();
    await reserve("a", 10);
    await commit("a", 101);
    expect(await commit("a", 100)).toMatchObject({ committed: true, recorded: 100, late: false });
    expect(await totals()).toEqual([100, 0]);
  });

  it("treats an infinite maximum as the largest count", async () => {
    const { store } = await newFixture();
    const most = 2 ** 52;
    const soft = (units: number) => ({ ...of100(units), limit: 10, max: Infinity });
    const commit = (id: string, units: number) => store.commit({ ...soft(units), id, over: "overflow" });
    expect(await commit("a", most - 1)).toMatchObject({ recorded: most - 1, used: most - 1, reached: [0.8, 1] });
    expect(await commit("b", most)).toMatchObject({ recorded: 1, used: most });
    const refused = await store.reserve({ tenantId: "acme", id: "c", ttlMs: 1000, changes: [soft(1)] });
    expect(refused).toMatchObject({ admitted: false });
  });
}

/** How a store records units whose hold is gone. */
export function describeLateCommits(newFixture: () => Promise<UsageFixture>): void {
  it("records a late commit although other holds have taken the room", async () => {
    const { clock, reserve, commit } = await newFixture();
    await reserve("a", 60, 1000);
    clock.advance(1000);
    await reserve("b", 100);
    expect(await commit("a", 60)).toMatchObject({ committed: true, recorded: 60, used: 60, held: 100, late: true });
    expect(await commit("a", 60)).toMatchObject({ recorded: 60, late: true, repeated: true });
    expect(await commit("b", 100)).toMatchObject({ recorded: 100, late: false, used: 160 });
  });

  it("applies `over` to the units of a late commit above the reserved ones", async () => {
    const { clock, reserve, commit } = await newFixture();
    await reserve("a", 20, 1000);
    clock.advance(1000);
    await reserve("b", 70);
    expect(await commit("a", 40)).toMatchObject({ committed: false, late: true });
    expect(await commit("a", 40, "cap")).toMatchObject({ recorded: 30, late: true });
  });

  it("records a commit without a reservation, as late", async () => {
    const { commit, totals, release } = await newFixture();
    expect(await commit("never seen", 130, "cap")).toMatchObject({ committed: true, recorded: 130, late: true });
    await release("neither");
    expect(await totals()).toEqual([130, 0]);
  });

  it("records a commit after a release, as late", async () => {
    const { reserve, commit, release } = await newFixture();
    await reserve("a", 10);
    await release("a");
    expect(await commit("a", 10)).toMatchObject({ committed: true, recorded: 10, late: true });
  });
}
