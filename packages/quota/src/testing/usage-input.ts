import { expect, it } from "vitest";
import { of100, type UsageFixture } from "./usage-fixture.js";

const WRONG_UNITS = [-1, 0.5, Number.NaN, Infinity, 2 ** 53];
const HOSTILE_IDS = ["a", "A", "a ", "a:b", "{a}", "a\0", "__proto__", "constructor", "\ud800", "\udbff", "\ufffd"];

/** Which input a store rejects. */
export function describeUsageInput(newFixture: () => Promise<UsageFixture>): void {
  it("rejects units and hold times that are not integers in range", async () => {
    const { reserve, commit, consume, totals } = await newFixture();
    for (const units of WRONG_UNITS) {
      await expect(reserve("a", units)).rejects.toThrow(TypeError);
      await expect(commit("a", units)).rejects.toThrow(TypeError);
      await expect(consume(units)).rejects.toThrow(TypeError);
    }
    for (const ttlMs of [0, 0.5, -1, Number.NaN, Infinity, 1e9])
      await expect(reserve("a", 1, ttlMs)).rejects.toThrow(/ttlMs/);
    expect(await totals()).toEqual([0, 0]);
  });

  it("rejects an id that is empty or too long", async () => {
    const { reserve, commit, consume, totals } = await newFixture();
    for (const id of ["", "x".repeat(1025)]) {
      await expect(reserve(id, 1)).rejects.toThrow(/^id: expected/);
      await expect(commit(id, 1)).rejects.toThrow(/^id: expected/);
      await expect(consume(1, id)).rejects.toThrow(/^id: expected/);
    }
    expect(await totals()).toEqual([0, 0]);
    expect(await reserve("x".repeat(1024), 1)).toMatchObject({ admitted: true });
  });

  it("rejects a call without a metric, or with one metric twice", async () => {
    const { store, totals } = await newFixture();
    for (const changes of [[], [of100(1), of100(1)]]) {
      await expect(store.consume({ tenantId: "acme", changes })).rejects.toThrow(/^changes: expected/);
      const input = { tenantId: "acme", id: "a", ttlMs: 1000, changes };
      await expect(store.reserve(input)).rejects.toThrow(/^changes: expected/);
    }
    expect(await totals()).toEqual([0, 0]);
  });
}

/** Which ids a store keeps apart. */
export function describeIds(newFixture: () => Promise<UsageFixture>): void {
  it("keeps ids apart, whatever characters they have", async () => {
    const { reserve, commit, release, totals } = await newFixture();
    for (const id of HOSTILE_IDS) expect(await reserve(id, 5)).toMatchObject({ repeated: false });
    expect(await totals()).toEqual([0, 5 * HOSTILE_IDS.length]);
    for (const id of HOSTILE_IDS.slice(5))
      expect(await commit(id, 3)).toMatchObject({ recorded: 3, late: false, repeated: false });
    for (const id of HOSTILE_IDS.slice(0, 5)) await release(id);
    expect(await totals()).toEqual([18, 0]);
  });
}
