import { describe, expect, it } from "vitest";
import { Damping } from "./damping.js";

/** `F` is a failed run, `.` a successful one. @returns after each run `d` for down, `u` for up; upper case while flapping */
function run(runs: string, options = { failAfter: 2, passAfter: 2 }): string {
  const damping = new Damping(options);
  return Array.from(runs)
    .map((each) => {
      damping.record(each === "F");
      const state = damping.isDown ? "d" : "u";
      return damping.isFlapping ? state.toUpperCase() : state;
    })
    .join("");
}

describe("Damping", () => {
  it.each([
    ["the first failure counts at once", "F", "d"],
    ["one failure between successes changes nothing", "..F..", "uuuuu"],
    ["two failures in a row are down, two successes up", ".FF..", "uuddu"],
    ["one success between failures changes nothing", ".FF.F", "uuddD"],
    ["by turns is flapping, and stays up", ".F.F.F", "uuuUUU"],
    ["a check that flaps while it is down needs three times the successes", ".FF.F......", "uuddDDDDDDU"],
    ["a window of equal runs ends the flapping", ".F.F..........", "uuuUUUUUUUUuuu"],
  ])("%s", (_what, runs, states) => {
    expect(run(runs)).toBe(states);
  });

  it("counts as many as the options say", () => {
    expect(run(".FFF...", { failAfter: 3, passAfter: 1 })).toBe("uuuduuu");
  });
});
