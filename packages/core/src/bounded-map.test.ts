import { describe, expect, it } from "vitest";
import { boundedMap } from "./bounded-map.js";

describe("boundedMap", () => {
  it("forgets the oldest entry when one too many comes, and takes a renewed one for new", () => {
    const map = boundedMap<number>(2);
    map.set("a", 1).set("b", 2).set("a", 3).set("c", 4);
    expect([...map]).toEqual([
      ["a", 3],
      ["c", 4],
    ]);
  });
});
