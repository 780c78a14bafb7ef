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
  const sent: string[] = [];
  const runner: ScriptRunner = {
    isCluster: false,
    mget: undefined,
    run: async (_, { args }) => sent.push(args[1] ?? ""),
  };
  const options = { runner, subscriber, prefix: "p", clock: systemClock };
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
    sent,
    emit: (event: string, ...values: unknown[]) => listeners.get(event)?.(...values),
  };
}

it("subscribes again after a disconnect, also one while it subscribes, and believes no heartbeat in between", async () => {
  const first = gate();
  const second = gate();
  const { calls, sent, emit, stop } = startBus([async () => undefined, () => first.opened, () => second.opened]);
  await expect.poll(() => sent.length).toBe(1);
  emit("close");
  await expect.poll(() => calls).toEqual(["subscribe", "lost", "subscribe"]);
  emit("close");
  first.open();
  await expect.poll(() => calls).toEqual(["subscribe", "lost", "subscribe", "lost", "subscribe"]);
  emit("message", "p:bus", sent[0]);
  second.open();
  await new Promise(setImmediate);
  emit("message", "p:bus", sent[0]);
  stop();
  expect(calls.slice(5)).toEqual([Number(sent[0]?.split(" ").at(-1)), "unsubscribe"]);
});

it("reports a loss and subscribes again when heartbeats that the server has taken do not arrive", async () => {
  const { calls, sent, emit, stop } = startBus([]);
  await expect.poll(() => calls.length).toBeGreaterThanOrEqual(3);
  expect(calls.slice(0, 3)).toEqual(["subscribe", "lost", "subscribe"]);
  for (const beat of sent) emit("message", "p:bus", beat);
  stop();
  expect(calls.filter((call) => typeof call === "number").length).toBe(sent.length);
});

it("retries a subscription that fails, and sends no heartbeat before it has succeeded", async () => {
  const down = (): Promise<never> => Promise.reject(new Error("down"));
  const { calls, sent, stop } = startBus([down, down]);
  expect(sent).toEqual([]);
  await expect.poll(() => sent.length).toBeGreaterThan(0);
  stop();
  expect(calls.slice(0, 3)).toEqual(["subscribe", "subscribe", "subscribe"]);
  expect(calls.at(-1)).toBe("unsubscribe");
});

it("reports an unreadable message as lost, ignores fields that it does not know, and skips other channels and heartbeats", () => {
  const { calls, emit, stop } = startBus([], 60_000);
  const message = { from: "other", tenantId: "t", keys: ["k"], tags: [], all: false };
  emit("message", "p:bus", JSON.stringify({ ...message, since: 3 }));
  emit("message", "elsewhere", JSON.stringify(message));
  emit("message", "p:bus", "beat another 12");
  emit("message", "p:bus", "hello");
  stop();
  expect(calls).toEqual(["subscribe", ["k"], "lost", "unsubscribe"]);
});
