import { expect, it } from "vitest";
import { hold, type NewUsageBench, of100 } from "./usage-fixture.js";

const WRONG_UNITS = [-1, 0.5, Number.NaN, Infinity, 2 ** 53];
const HOSTILE_IDS = ["a", "A", "a ", "a:b", "{a}", "a\0", "__proto__", "constructor", "\ud800", "\udbff", "\ufffd"];

/** What a store refuses to be asked, and which ids it tells apart. */
export function describeUsageInput(newBench: NewUsageBench): void {
  it("takes only whole numbers for units, and for the time of a hold", async () => {
    const { store, commit, level } = await newBench();
    for (const units of WRONG_UNITS) {
      await expect(store.reserve(hold("a", units))).rejects.toThrow(TypeError);
      await expect(commit("a", units)).rejects.toThrow(TypeError);
      await expect(store.useAll({ tenantId: "acme", charges: [{ ...of100, units }] })).rejects.toThrow(TypeError);
    }
    for (const ttlMs of [0, 0.5, -1, Number.NaN, Infinity, 1e9])
      await expect(store.reserve(hold("a", 1, ttlMs))).rejects.toThrow(/ttlMs/);
    expect(await level()).toEqual([0, 0]);
  });

  it("takes no text for an id that is empty or too long", async () => {
    const { store, commit, level } = await newBench();
    const one = { ...of100, units: 1 };
    for (const id of ["", "x".repeat(1025)]) {
      await expect(store.reserve(hold(id, 1))).rejects.toThrow(/^id: expected/);
      await expect(commit(id, 1)).rejects.toThrow(/^id: expected/);
      await expect(store.useAll({ tenantId: "acme", id, charges: [one] })).rejects.toThrow(/^id: expected/);
    }
    expect(await level()).toEqual([0, 0]);
    expect(await store.reserve(hold("x".repeat(1024), 1))).toMatchObject({ admitted: true });
  });

  it("takes no metric twice, and at least one", async () => {
    const { store, level } = await newBench();
    const one = { ...of100, units: 1 };
    for (const charges of [[], [one, one]]) {
      await expect(store.useAll({ tenantId: "acme", charges })).rejects.toThrow(/^charges: expected/);
      const all = { tenantId: "acme", id: "a", ttlMs: 1000, charges };
      await expect(store.reserveAll(all)).rejects.toThrow(/^charges: expected/);
    }
    expect(await level()).toEqual([0, 0]);
  });

  it("tells ids apart, whatever they contain", async () => {
    const { store, commit, release, level } = await newBench();
    for (const id of HOSTILE_IDS) expect(await store.reserve(hold(id, 5))).toMatchObject({ repeated: false });
    expect(await level()).toEqual([0, 5 * HOSTILE_IDS.length]);
    for (const id of HOSTILE_IDS.slice(5))
      expect(await commit(id, 3)).toMatchObject({ recorded: 3, late: false, repeated: false });
    for (const id of HOSTILE_IDS.slice(0, 5)) await release(id);
    expect(await level()).toEqual([18, 0]);
  });
}
