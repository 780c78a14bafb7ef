import { DrizzleQueryError } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { describeError } from "./describe-error.js";

describe("describeError", () => {
  it("returns one line", () => {
    expect(describeError(new Error(" first\n  second "))).toBe("first second");
    expect(describeError("text")).toBe("text");
  });

  it("returns the first error of a connection tried on several addresses", () => {
    expect(describeError(new AggregateError([new Error("connect ECONNREFUSED ::1:1"), new Error("other")]))).toBe(
      "connect ECONNREFUSED ::1:1",
    );
  });

  it("omits the values of a statement", () => {
    const error = new DrizzleQueryError("insert into t values ($1)", ["secret"], new Error("disk full"));
    expect(describeError(error)).toBe("disk full");
  });
});
