import { systemClock } from "@scale/core";
import type { ScriptRunner } from "@scale/core/redis";
import { expect, it } from "vitest";
import { gate } from "../../../scenarios/node.js";
import { createInvalidationBus } from "./invalidation-bus.js";
import type { IoredisSubscriber } from "@scale/core/redis";

/** A bus over a fake client whose connections and messages the test controls. */
function startBus(starts: (() => Promise<unknown>)[], everyMs = 2) {
  const calls: unknown[] = [];
  const listeners = new Map<string, (...values: unknown[]) => void>();
  const subscriber: IoredisSubscriber = {
    status: "ready",
    subscribe: () => {
      calls.push("subscribe");
      return starts.shift()?.() ?? Promise.resolve();
    },
    unsubscribe: async () => calls.push("unsubscribe"),
    on: (event, listener) => listeners.set(event, listener),
    off: (event) => listeners.delete(event),
  };
  let heartbeats = 0;
  const runner: ScriptRunner = { isCluster: false, mget: undefined, run: async () => heartbeats++ };
  const options = { runner, subscriber, prefix: "p", sender: "me", clock: systemClock };
  const stop = createInvalidationBus(options)(
    {
      invalidated: ({ keys }) => calls.push(keys),
      confirmed: (atMs) => calls.push(atMs),
      lost: () => calls.push("lost"),
    },
    everyMs,
  );
  return {
    calls,
    stop,
    heartbeats: () => heartbeats,
    emit: (event: string, ...values: unknown[]) => listeners.get(event)?.(...values),
  };
}

it("subscribes again after a disconnect, also one while it subscribes, and believes no heartbeat in between", async () => {
  const first = gate();
  const second = gate();
  const { calls, emit, stop } = startBus([() => first.opened, () => second.opened]);
  emit("close");
  first.open();
  await expect.poll(() => calls).toEqual(["subscribe", "lost", "subscribe"]);
  emit("message", "p:heartbeat:me", "1");
  second.open();
  await new Promise(setImmediate);
  emit("message", "p:heartbeat:me", "2");
  stop();
  expect(calls.slice(3)).toEqual([2, "unsubscribe"]);
});

it("retries a subscription that fails, and sends no heartbeat before it has succeeded", async () => {
  const down = (): Promise<never> => Promise.reject(new Error("down"));
  const { calls, heartbeats, stop } = startBus([down, down]);
  expect(heartbeats()).toBe(0);
  await expect.poll(() => heartbeats()).toBeGreaterThan(0);
  stop();
  expect(calls).toEqual(["subscribe", "subscribe", "subscribe", "unsubscribe"]);
});

it("reports an unreadable message as lost, and skips its own and those of other channels", () => {
  const { calls, emit, stop } = startBus([], 60_000);
  const message = (from: string): string => JSON.stringify({ from, tenantId: "t", keys: ["k"], tags: [], all: false });
  emit("message", "p:bus", message("other"));
  emit("message", "p:bus", message("me"));
  emit("message", "elsewhere", message("other"));
  emit("message", "p:bus", "hello");
  stop();
  expect(calls).toEqual(["subscribe", ["k"], "lost", "unsubscribe"]);
});
