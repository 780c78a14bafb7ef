import { describe, expect, it, onTestFinished, vi } from "vitest";
import { combineOnEnd, endOnce } from "./on-end.js";

describe("combineOnEnd", () => {
  it("runs every callback, and emits an error as a process warning", () => {
    // Replaced, so that the test prints no warning.
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    onTestFinished(() => warn.mockRestore());
    const calls: string[] = [];
    const broken = (): void => {
      throw new Error("broken");
    };
    combineOnEnd([() => calls.push("a"), broken, () => calls.push("b")])();
    expect(calls).toEqual(["a", "b"]);
    expect(warn).toHaveBeenCalledWith(new Error("broken"));
  });
});

describe("endOnce", () => {
  it("calls onEnd once when the request is aborted and its body is never read", () => {
    const abort = new AbortController();
    let calls = 0;
    const end = endOnce(() => calls++, abort.signal);
    abort.abort();
    end();
    expect(calls).toBe(1);
    endOnce(() => calls++, abort.signal)();
    expect(calls).toBe(2);
  });
});
