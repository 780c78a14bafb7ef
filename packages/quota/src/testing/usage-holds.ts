import { expect, it } from "vitest";
import { may, type UsageFixture } from "./usage-fixture.js";

/** How a store holds units until they are committed, are released or expire. */
export function describeHolds(newFixture: () => Promise<UsageFixture>): void {
  it("counts held units like used ones", async () => {
    const { reserve, commit, consume } = await newFixture();
    const decided = { metric: "tokens", period: may, repeated: false, used: 0, held: 60, reached: [] };
    expect(await reserve("a", 60)).toEqual({ ...decided, admitted: true });
    expect(await reserve("b", 41)).toEqual({ ...decided, admitted: false });
    expect(await commit("a", 50)).toMatchObject({ committed: true, recorded: 50, used: 50, held: 0, late: false });
    expect(await reserve("b", 50)).toMatchObject({ admitted: true, used: 50, held: 50 });
    expect(await consume(1)).toMatchObject({ metric: "tokens", admitted: false, used: 50, held: 50 });
  });

  it("frees a hold by the store's clock, exactly when it expires", async () => {
    const { clock, reserve } = await newFixture();
    await reserve("a", 100, 5000);
    clock.advance(4999);
    expect(await reserve("b", 1)).toMatchObject({ admitted: false, held: 100 });
    clock.advance(1);
    expect(await reserve("b", 1)).toMatchObject({ admitted: true, held: 1 });
  });

  it.each(["commit again", "reject"])("frees expired holds also when the first call after is: %s", async (second) => {
    const { clock, reserve, commit, totals } = await newFixture();
    await reserve("a", 60, 1000);
    await reserve("b", 10);
    await reserve("c", 1);
    await commit("b", 10);
    clock.advance(1000);
    expect(await (second === "reject" ? commit("c", 200) : commit("b", 10))).toMatchObject({ used: 10, held: 1 });
    expect(await totals()).toEqual([10, 1]);
    expect(await reserve("d", 89)).toMatchObject({ admitted: true, held: 90 });
  });
}

/** How a store recognizes an id that it has seen. */
export function describeReservationIds(newFixture: () => Promise<UsageFixture>): void {
  it("gives an id the same answer again while it is held, and after it was committed", async () => {
    const { reserve, commit, totals } = await newFixture();
    await reserve("a", 60);
    expect(await reserve("a", 60)).toMatchObject({ admitted: true, repeated: true, held: 60 });
    const first = await commit("a", 55);
    expect(await commit("a", 99)).toEqual({ ...first, repeated: true });
    expect(await reserve("a", 60)).toMatchObject({ admitted: true, repeated: true, held: 0 });
    expect(await totals()).toEqual([55, 0]);
  });

  it("decides anew for an id that was released, because it holds nothing", async () => {
    const { reserve, release, consume, totals } = await newFixture();
    await reserve("a", 50);
    await release("a");
    await release("a");
    expect(await reserve("a", 50)).toMatchObject({ admitted: true, repeated: false, held: 50 });
    await release("a");
    await consume(100);
    expect(await reserve("a", 50)).toMatchObject({ admitted: false, repeated: false });
    expect(await totals()).toEqual([100, 0]);
  });

  it("decides anew for an id whose hold expired, and for one that was refused", async () => {
    const { clock, reserve } = await newFixture();
    await reserve("a", 80, 1000);
    expect(await reserve("b", 80)).toMatchObject({ admitted: false });
    clock.advance(1000);
    expect(await reserve("b", 80)).toMatchObject({ admitted: true, repeated: false });
    expect(await reserve("a", 80)).toMatchObject({ admitted: false, repeated: false });
  });

  it("releases the hold of the given id alone, and no expired one", async () => {
    const { clock, reserve, release, totals } = await newFixture();
    await reserve("a", 10, 1000);
    await reserve("b", 20);
    clock.advance(1000);
    await release("a");
    await release("c");
    expect(await totals()).toEqual([0, 20]);
    expect(await reserve("a", 10)).toMatchObject({ repeated: false, held: 30 });
    await release("a");
    await release("b");
    expect(await totals()).toEqual([0, 0]);
    await reserve("nothing", 0);
    await release("nothing");
    expect(await totals()).toEqual([0, 0]);
  });
}
