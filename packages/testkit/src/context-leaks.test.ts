import { AsyncLocalStorage } from "node:async_hooks";
import { channel } from "node:diagnostics_channel";
import { describe, expect, it } from "vitest";
import { contextLeaks } from "./context-leaks.js";
import { sleep } from "./wait.js";

const storage = new AsyncLocalStorage<{ readonly tenantId: string }>();
const tenancy = {
  run: <T>(context: { readonly tenantId: string }, fn: () => T): T => storage.run(context, fn),
  current: () => storage.getStore(),
};

/** A timer that the first caller starts, for all. */
function sharedTimer(): (callback: () => void) => Promise<void> {
  const callbacks: (() => void)[] = [];
  let fired: Promise<void> | undefined;
  return (callback) => {
    callbacks.push(callback);
    return (fired ??= sleep(1).then(() => callbacks.forEach((each) => each())));
  };
}

describe("contextLeaks", () => {
  it("names a callback that runs in the tenant and the trace of the one that started the timer", async () => {
    const after = sharedTimer();
    const leaks = await contextLeaks({
      tenancy,
      first: (look) => after(() => look("the timer")),
      second: (look) => after(() => look("the timer")),
    });
    expect(leaks).toEqual(["the timer of second in tenant first", "the timer of second in trace first"]);
  });

  it("names an event, also one of no tenant", async () => {
    const after = sharedTimer();
    const leaks = await contextLeaks({
      tenancy,
      events: ["test:context-leaks"],
      first: () => after(() => channel("test:context-leaks").publish({ lane: "" })),
      second: () => after(() => channel("test:context-leaks").publish({ tenantId: "second" })),
    });
    expect(leaks).toHaveLength(4);
    expect(leaks[0]).toBe("test:context-leaks of no tenant in tenant first");
  });

  it("accepts callbacks in the context of their own tenant, and in none", async () => {
    const none = AsyncLocalStorage.snapshot();
    const leaks = await contextLeaks({
      tenancy,
      first: (look) => look("at once"),
      second: async (look) => {
        await sleep(1);
        look("later");
        none(() => look("outside"));
      },
    });
    expect(leaks).toEqual([]);
  });

  it("throws without anything to look at", async () => {
    await expect(contextLeaks({ tenancy, first: () => 1, second: () => 2 })).rejects.toThrow(/got none/);
  });
});
