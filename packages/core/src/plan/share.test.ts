import { describe, expect, it } from "vitest";
import { shareOf } from "./share.js";

describe("shareOf", () => {
  it.each([
    [50, 0.58, 29, 29],
    [35, 0.8, 28, 28],
    [10, 0.25, 2, 3],
    [100, 1.1, 110, 110],
    [3, 1e-7, 0, 1],
    [2 ** 52, 1, 2 ** 52, 2 ** 52],
    [7, 1000, 7000, 7000],
    [0, 0.3, 0, 0],
    [9, 0, 0, 0],
  ])("of %d and %d is %d, or %d rounded up", (units, share, down, up) => {
    expect([shareOf(units, share, "down"), shareOf(units, share, "up")]).toEqual([down, up]);
  });

  it("is exact for every share with two decimals, of 1 to 150 units", () => {
    const wrong: unknown[] = [];
    for (let units = 1; units <= 150; units++)
      for (let percent = 0; percent <= 150; percent++) {
        const exact = (units * percent) / 100;
        const share = Number((percent / 100).toFixed(2));
        const [down, up] = [shareOf(units, share, "down"), shareOf(units, share, "up")];
        if (down !== Math.floor(exact) || up !== Math.ceil(exact)) wrong.push([units, share, down, up]);
      }
    expect(wrong).toEqual([]);
  });
});
