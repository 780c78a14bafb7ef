import { describe, expect, it } from "vitest";
import { Damping } from "./damping.js";

/** `F` is a failed run, `.` a successful one. @returns after each run `-` for down, `+` for up; `=` and `#` for the same while flapping */
function run(runs: string, options = { failAfter: 2, passAfter: 2 }): string {
  const damping = new Damping(options);
  return Array.from(runs)
    .map((each) => {
      damping.record(each === "F");
      if (damping.isFlapping) return damping.isDown ? "=" : "#";
      return damping.isDown ? "-" : "+";
    })
    .join("");
}

describe("Damping", () => {
  it.each([
    ["the first failure counts at once", "F", "-"],
    ["one failure between successes changes nothing", "..F..", "+++++"],
    ["two failures in a row are down, two successes up", ".FF..", "++--+"],
    ["one success between failures changes nothing", ".FF.F", "++--="],
    ["by turns is flapping, and stays up", ".F.F.F", "+++###"],
    ["a check that flaps while it is down needs three times the successes", ".FF.F......", "++--======#"],
    ["a window of equal runs ends the flapping", ".F.F..........", "+++########+++"],
  ])("%s", (_what, runs, states) => {
    expect(run(runs)).toBe(states);
  });

  it("counts as many as the options say", () => {
    expect(run(".FFF...", { failAfter: 3, passAfter: 1 })).toBe("+++-+++");
  });
});
