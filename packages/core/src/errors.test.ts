import { describe, expect, it } from "vitest";
import {
  ConfigError,
  InputError,
  isScaleError,
  PlanError,
  ScaleError,
  StoreError,
  TenantError,
  TimeoutError,
} from "./errors.js";

describe("ScaleError", () => {
  it("names its class and keeps the cause", () => {
    const cause = new Error("ECONNRESET");
    const error = new StoreError("Redis failed", { cause });
    expect(error).toBeInstanceOf(ScaleError);
    expect({ name: error.name, code: error.code, cause: error.cause }).toEqual({
      name: "StoreError",
      code: "SCALE_STORE",
      cause,
    });
  });

  it("has one code for each class", () => {
    const errors = [
      new ConfigError("x"),
      new StoreError("x"),
      new TimeoutError("x", 5),
      new InputError("x"),
      new TenantError("x"),
      new PlanError("x"),
    ];
    expect(errors.map(({ code }) => code)).toEqual([
      "SCALE_CONFIG",
      "SCALE_STORE",
      "SCALE_TIMEOUT",
      "SCALE_INPUT",
      "SCALE_TENANT",
      "SCALE_PLAN",
    ]);
  });
});

describe("isScaleError", () => {
  it("recognises errors of another copy of the library by their marker", () => {
    const foreign = Object.assign(new Error("x"), { code: "SCALE_STORE", [Symbol.for("@scale/error")]: true });
    expect(isScaleError(foreign)).toBe(true);
    expect(isScaleError(foreign, "SCALE_STORE")).toBe(true);
    expect(isScaleError(foreign, "SCALE_INPUT")).toBe(false);
  });

  it("is false for everything else", () => {
    for (const other of [undefined, null, "SCALE_STORE", new Error("x"), { code: "SCALE_STORE" }, 5]) {
      expect(isScaleError(other)).toBe(false);
    }
  });
});
