import { describe, expect, it } from "vitest";
import { integersOf } from "./reply.js";

describe("integersOf", () => {
  it("returns a reply of integers as it is", () => {
    const reply = [1_700_000_000_000_123, 0, -1];
    expect(integersOf(reply)).toBe(reply);
    expect(integersOf([])).toEqual([]);
  });

  it("reads the integers of a client that returns them as strings", () => {
    expect(integersOf(["1700000000000123", "0", "-1"])).toEqual([1_700_000_000_000_123, 0, -1]);
    expect(integersOf([1, "2"])).toEqual([1, 2]);
  });

  it.each([[null], ["1"], [5], [["one"]], [[""]], [[null]], [["1e3"]], [[[1]]], [["0x10"]]])(
    "returns undefined for %j",
    (reply) => expect(integersOf(reply)).toBeUndefined(),
  );
});
