import { describe, expect, it } from "vitest";
import { singleFlight } from "./single-flight.js";

describe("singleFlight", () => {
  it("loads once for callers that arrive together, and again afterwards", async () => {
    const once = singleFlight<number>();
    let loads = 0;
    const load = async (): Promise<number> => ++loads;
    expect(await Promise.all([once("a", load), once("a", load), once("b", load)])).toEqual([1, 1, 2]);
    expect(await once("a", load)).toBe(3);
  });

  it("shares a failure, also one that is thrown, and remembers none", async () => {
    const once = singleFlight<number>();
    const fail = (): Promise<number> => {
      throw new Error("no");
    };
    const results = await Promise.allSettled([once("a", fail), once("a", fail)]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await expect(once("a", async () => 1)).resolves.toBe(1);
  });
});
