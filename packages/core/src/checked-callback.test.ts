import { describe, expect, it } from "vitest";
import { booleanResult, checkedCallback, optionalStringResult } from "./checked-callback.js";

describe("checkedCallback", () => {
  const skip = (answer: unknown) => checkedCallback(() => answer, booleanResult("guard: skip"));

  it("returns a result at once, and waits for a promise or another thenable", async () => {
    expect(skip(true)()).toBe(true);
    expect(skip(false)()).toBe(false);
    await expect(skip(Promise.resolve(false))()).resolves.toBe(false);
    // oxlint-disable-next-line unicorn/no-thenable -- a query builder is one
    const thenable = { then: (resolve: (value: boolean) => void) => resolve(true) };
    await expect(skip(thenable)()).resolves.toBe(true);
  });

  it("passes its arguments on", () => {
    const both = checkedCallback((a: number, b: number) => a < b, booleanResult("guard: skip"));
    expect([both(1, 2), both(2, 1)]).toEqual([true, false]);
  });

  it.each([undefined, null, 0, 1, "", "no", {}, []])("takes %j for no answer", async (answer) => {
    const message = /^guard: skip: expected true or false, got /;
    expect(skip(answer)).toThrow(TypeError);
    expect(skip(answer)).toThrow(message);
    await expect(skip(Promise.resolve(answer))()).rejects.toThrow(message);
  });

  it("passes on the error of the callback", async () => {
    await expect(skip(Promise.reject(new Error("no session")))()).rejects.toThrow("no session");
  });
});

describe("optionalStringResult", () => {
  const check = optionalStringResult("guard: user");

  it("takes null for nothing, and keeps every string", () => {
    expect([check("ann"), check(""), check(undefined), check(null)]).toEqual(["ann", "", undefined, undefined]);
  });

  it.each([5, false, {}, ["ann"]])("refuses %j", (value) => {
    expect(() => check(value)).toThrow("guard: user: expected a string or undefined, got ");
  });
});
