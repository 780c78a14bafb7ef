import { expect, it } from "vitest";
import { hold, type NewUsageBench, of100 } from "./usage-fixture.js";

/** How a store holds units until they are committed, released or their time is up. */
export function describeHolds(newBench: NewUsageBench): void {
  it("counts what is held like what is used", async () => {
    const { store, commit } = await newBench();
    expect(await store.reserve(hold("a", 60))).toEqual({ admitted: true, repeated: false, used: 0, held: 60 });
    expect(await store.reserve(hold("b", 41))).toEqual({ admitted: false, repeated: false, used: 0, held: 60 });
    expect(await commit("a", 50)).toMatchObject({ committed: true, recorded: 50, used: 50, held: 0, late: false });
    expect(await store.reserve(hold("b", 50))).toMatchObject({ admitted: true, used: 50, held: 50 });
    expect(await store.useAll({ tenantId: "acme", charges: [{ ...of100, units: 1 }] })).toMatchObject({
      admitted: false,
      charges: [{ metric: "tokens", admitted: false, used: 50, held: 50 }],
    });
  });

  it("frees a hold by the store's clock, exactly when its time is up", async () => {
    const { clock, store } = await newBench();
    await store.reserve(hold("a", 100, 5000));
    clock.advance(4999);
    expect(await store.reserve(hold("b", 1))).toMatchObject({ admitted: false, held: 100 });
    clock.advance(1);
    expect(await store.reserve(hold("b", 1))).toMatchObject({ admitted: true, held: 1 });
  });

  it("frees expired holds in whatever call comes upon them first", async () => {
    for (const second of ["commit again", "reject"]) {
      const { clock, store, commit, level } = await newBench();
      await store.reserve(hold("a", 60, 1000));
      await store.reserve(hold("b", 10));
      await store.reserve(hold("c", 1));
      await commit("b", 10);
      clock.advance(1000);
      expect(await (second === "reject" ? commit("c", 200) : commit("b", 10))).toMatchObject({ used: 10, held: 1 });
      expect(await level()).toEqual([10, 1]);
      expect(await store.reserve(hold("d", 89))).toMatchObject({ admitted: true, held: 90 });
    }
  });

  it("gives an id the same answer again, whatever became of it", async () => {
    const { store, commit, release, level } = await newBench();
    await store.reserve(hold("a", 60));
    expect(await store.reserve(hold("a", 60))).toMatchObject({ admitted: true, repeated: true, held: 60 });
    const first = await commit("a", 55);
    expect(await commit("a", 99)).toEqual({ ...first, repeated: true });
    expect(await store.reserve(hold("a", 60))).toMatchObject({ admitted: true, repeated: true, held: 0 });
    await store.reserve(hold("b", 45));
    await release("b");
    await release("b");
    expect(await store.reserve(hold("b", 45))).toMatchObject({ admitted: true, repeated: true, held: 0 });
    expect(await level()).toEqual([55, 0]);
  });

  it("asks anew for an id whose hold expired, and for one that was refused", async () => {
    const { clock, store } = await newBench();
    await store.reserve(hold("a", 80, 1000));
    expect(await store.reserve(hold("b", 80))).toMatchObject({ admitted: false });
    clock.advance(1000);
    expect(await store.reserve(hold("b", 80))).toMatchObject({ admitted: true, repeated: false });
    expect(await store.reserve(hold("a", 80))).toMatchObject({ admitted: false, repeated: false });
  });

  it("releases no hold but its own, and none that has expired", async () => {
    const { clock, store, release, level } = await newBench();
    await store.reserve(hold("a", 10, 1000));
    await store.reserve(hold("b", 20));
    clock.advance(1000);
    await release("a");
    await release("c");
    expect(await level()).toEqual([0, 20]);
    expect(await store.reserve(hold("a", 10))).toMatchObject({ repeated: false, held: 30 });
    await release("a");
    await release("b");
    expect(await level()).toEqual([0, 0]);
    await store.reserve(hold("nothing", 0));
    await release("nothing");
    expect(await level()).toEqual([0, 0]);
  });
}
