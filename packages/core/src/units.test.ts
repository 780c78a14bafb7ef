import { describe, expect, it } from "vitest";
import { ConfigError } from "./errors.js";
import { parseBytes, parseDuration } from "./units.js";

describe("parseDuration", () => {
  it("reads every unit as milliseconds", () => {
    const durations = ["250ms", "1.5s", "15m", "2h", "30d", "1w"] as const;
    expect(durations.map(parseDuration)).toEqual([250, 1500, 900_000, 7_200_000, 2_592_000_000, 604_800_000]);
    expect(parseDuration(42)).toBe(42);
  });

  it("throws for anything else, with the value", () => {
    const wrong = [
      "",
      "5",
      "5 m",
      "-5m",
      "0s",
      "5y",
      "5M",
      "1e3ms",
      "m",
      "5constructor",
      0,
      -1,
      Number.NaN,
      Infinity,
      2 ** 53,
      null,
      {},
      "9".repeat(30) + "w",
    ];
    for (const value of wrong) expect(() => parseDuration(value)).toThrow(ConfigError);
    expect(() => parseDuration("5y")).toThrow('got "5y"');
  });
});

describe("parseBytes", () => {
  it("reads every unit as whole bytes", () => {
    expect(["512B", "64KiB", "1.5MiB", "2GiB", 10.9].map(parseBytes)).toEqual([
      512, 65_536, 1_572_864, 2_147_483_648, 10,
    ]);
  });

  it("throws for decimal units, which differ by 2 to 10 percent", () => {
    for (const value of ["64KB", "64kb", "1MB", "1", "0B"]) expect(() => parseBytes(value), value).toThrow(ConfigError);
  });
});
