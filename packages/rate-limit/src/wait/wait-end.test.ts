import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { acme, globex, setUpWaits } from "../../test/wait-stage.js";
import { storeFail } from "../events.js";
import type { ConsumeRequest, RateLimitStore } from "../types.js";

/** A memory store that answers later. */
const remote = (memory: RateLimitStore): RateLimitStore => ({
  ...memory,
  settlesWithinMs: 1000,
  consume: async (request: ConsumeRequest) => memory.consume(request),
});

/** The message of the rejection. */
const rejectionOf = (wait: Promise<unknown>): Promise<string> =>
  wait.then(
    () => "none",
    (error: Error) => error.message,
  );

describe("the end of a wait", () => {
  it("is a rejection with the reason of an aborted signal, and the next request takes the turn", async () => {
    const { timers, wait, log, queue } = setUpWaits();
    const abort = new AbortController();
    await wait("a");
    const aborted = rejectionOf(queue.wait(acme, { signal: abort.signal }));
    const next = wait("c");
    await timers.settle();
    abort.abort(new Error("client left"));
    expect(await aborted).toBe("client left");
    expect(queue.size).toBe(1);
    await timers.advance(100);
    await next;
    expect(log).toEqual(["a passed at 0", "c passed at 100"]);
    await expect(queue.wait(acme, { signal: abort.signal })).rejects.toThrow("client left");
  });

  it("refunds the units of a request that is aborted while the limiter decides", async () => {
    const { queue, limiter, timers } = setUpWaits({ createStore: remote });
    const abort = new AbortController();
    const aborted = rejectionOf(queue.wait(acme, { signal: abort.signal }));
    abort.abort();
    expect(await aborted).toBe("This operation was aborted");
    await timers.settle();
    expect((await limiter.peek(acme)).limits[0]?.remaining).toBe(1);
  });

  it("publishes a refund that fails", async () => {
    const refund = () => Promise.reject(new Error("ECONNRESET"));
    const { queue, timers } = setUpWaits({ createStore: (memory) => ({ ...remote(memory), refund }) });
    const failures: unknown[] = [];
    const stop = storeFail.subscribe(({ tenantId, error }) => failures.push([tenantId, error]));
    const abort = new AbortController();
    const aborted = rejectionOf(queue.wait(acme, { signal: abort.signal }));
    abort.abort();
    await aborted;
    await timers.settle();
    stop();
    expect(failures).toEqual([["acme", expect.objectContaining({ code: "SCALE_STORE" })]]);
  });

  it("leaves no listener on a signal", async () => {
    const { timers, wait } = setUpWaits();
    const { signal } = new AbortController();
    const all = Promise.all(["a", "b", "c"].map((name) => wait(name, acme, { signal, maxWaitMs: 100 })));
    expect(getEventListeners(signal, "abort").length).toBe(3);
    await timers.advance(100);
    await all;
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("is a refusal of all that wait when the queue is closed, and of those that come later", async () => {
    const { timers, wait, log, queue, limiter } = setUpWaits({ createStore: remote });
    const all = Promise.all(["a", "b", "c"].map((name) => wait(name)));
    await timers.settle();
    const inFlight = wait("g", globex);
    queue.close();
    await Promise.all([all, inFlight, wait("d")]);
    await timers.settle();
    expect(log.toSorted()).toEqual([
      "a passed at 0",
      "b closed at 0",
      "c closed at 0",
      "d closed at 0",
      "g closed at 0",
    ]);
    expect([queue.size, timers.pending]).toEqual([0, 0]);
    expect((await limiter.peek(globex)).limits[0]?.remaining).toBe(1);
  });
});

describe("a wait while the store fails", () => {
  /** A store that fails while `state.fails`. */
  function failing() {
    const state = { fails: false };
    const createStore = (memory: RateLimitStore): RateLimitStore => ({
      ...remote(memory),
      async consume(request: ConsumeRequest) {
        if (state.fails) throw new Error("ECONNRESET");
        return memory.consume(request);
      },
    });
    return { state, createStore };
  }

  it("rejects as check does, and later requests are decided by themselves", async () => {
    const { state, createStore } = failing();
    const { queue } = setUpWaits({ createStore });
    state.fails = true;
    await expect(queue.wait(acme)).rejects.toMatchObject({ code: "SCALE_STORE" });
    state.fails = false;
    expect((await queue.wait(acme)).allowed).toBe(true);
    expect(queue.size).toBe(0);
  });

  it("rejects every queued request, in order", async () => {
    const { state, createStore } = failing();
    const { queue, timers } = setUpWaits({ createStore });
    await queue.wait(acme);
    const order: string[] = [];
    const all = ["b", "c"].map(async (name) => order.push(`${name}: ${await rejectionOf(queue.wait(acme))}`));
    await timers.settle();
    state.fails = true;
    await timers.advance(100);
    await Promise.all(all);
    expect(order).toEqual(["b: the rate limit store could not answer", "c: the rate limit store could not answer"]);
  });

  it("waits for a store whose policy is deny, up to the deadline", async () => {
    const { state, createStore } = failing();
    const { queue, timers } = setUpWaits({ createStore, whenStoreFails: "deny" });
    state.fails = true;
    const first = queue.wait(acme, { maxWaitMs: 1500 });
    await timers.settle();
    state.fails = false;
    await timers.advance(1000);
    expect(await first).toMatchObject({ allowed: true, waitedMs: 1000 });
    state.fails = true;
    const second = await queue.wait(acme, { maxWaitMs: 999 });
    expect(second).toMatchObject({ reason: "deadline", decision: { decidedBy: "policy" }, retryAfterMs: 1000 });
  });
});
