import { describe, expect, it, onTestFinished, vi } from "vitest";
import { combineOnEnd, watchEnd } from "./on-end.js";
import type { ResponseEnd } from "./types.js";

const sent: ResponseEnd = { status: 200, complete: true };

describe("combineOnEnd", () => {
  it("runs every callback with the end, and emits an error as a process warning", () => {
    // Replaced, so that the test prints no warning.
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    onTestFinished(() => warn.mockRestore());
    const calls: unknown[] = [];
    const broken = (): void => {
      throw new Error("broken");
    };
    combineOnEnd([(end) => calls.push(end), broken, (end) => calls.push(end)])(sent);
    expect(calls).toEqual([sent, sent]);
    expect(warn).toHaveBeenCalledWith(new Error("broken"));
  });
});

describe("watchEnd", () => {
  const watched = (request: Parameters<typeof watchEnd>[1]) => {
    const ends: ResponseEnd[] = [];
    return { ends, watch: watchEnd((end) => ends.push(end), request) };
  };

  it("calls onEnd once when the request is aborted and its body is never read", () => {
    const abort = new AbortController();
    const { ends, watch } = watched(abort);
    watch.status = 200;
    abort.abort();
    watch.end(true);
    expect(ends).toEqual([{ status: 200, complete: false }]);
  });

  it("calls onEnd at once for a request that was aborted before", () => {
    expect(watched({ signal: AbortSignal.abort() }).ends).toEqual([{ status: undefined, complete: false }]);
  });

  it("needs no signal", () => {
    for (const request of [{}, { signal: {} }]) {
      const { ends, watch } = watched(request);
      watch.end(true);
      expect(ends).toEqual([{ status: undefined, complete: true }]);
    }
  });
});
