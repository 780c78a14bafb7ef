import { expect, it } from "vitest";
import { june, tokens, type UsageFixture } from "./usage-fixture.js";

/** How a store credits units. */
export function describeCredits(newFixture: () => Promise<UsageFixture>): void {
  it("adds the units of a credit to the room of its period, once for an id", async () => {
    const { store, consume, totals } = await newFixture();
    const credit = (id: string, units: number) => store.credit({ ...tokens, id, units });
    await consume(10);
    expect(await credit("a", 30)).toEqual({ units: 30, repeated: false, used: -20 });
    expect(await credit("a", 30)).toEqual({ units: 30, repeated: true, used: -20 });
    expect(await credit("a", 50)).toEqual({ units: 30, repeated: true, used: -20 });
    expect(await consume(121)).toMatchObject({ admitted: false, used: -20 });
    expect(await consume(120)).toMatchObject({ admitted: true, used: 100 });
    expect(await credit("b", 1)).toMatchObject({ repeated: false, used: 99 });
    expect(await totals()).toEqual([99, 0]);
    expect(await store.credit({ ...tokens, period: june, id: "a", units: 5 })).toMatchObject({
      repeated: false,
      used: -5,
    });
  });

  it("credits once when many calls of one id run at once", async () => {
    const { store, totals } = await newFixture();
    const all = await Promise.all(Array.from({ length: 10 }, () => store.credit({ ...tokens, id: "a", units: 7 })));
    expect(all.map(({ units }) => units)).toEqual(all.map(() => 7));
    expect(await totals()).toEqual([-7, 0]);
  });

  it("rejects a credit without an id, and of units that are not an integer from 0", async () => {
    const { store, totals } = await newFixture();
    await expect(store.credit({ ...tokens, id: "", units: 1 })).rejects.toThrow(/^id: expected/);
    for (const units of [-1, 0.5, Number.NaN])
      await expect(store.credit({ ...tokens, id: "a", units })).rejects.toThrow(TypeError);
    expect(await store.credit({ ...tokens, id: "zero", units: 0 })).toMatchObject({ units: 0, used: 0 });
    expect(await totals()).toEqual([0, 0]);
  });
}
