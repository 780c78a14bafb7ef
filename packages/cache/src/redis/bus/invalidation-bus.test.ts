import { expect, it } from "vitest";
import { gate } from "../../../scenarios/node.js";
import { feedOver, type WireListener } from "./invalidation-bus.js";

/** A feed over a wire of which the test says what comes. */
function wired(patience: number, starts: (() => Promise<unknown>)[]) {
  const told: unknown[] = [];
  let hear!: WireListener;
  let beats = 0;
  const listen = feedOver((listener) => {
    hear = listener;
    return {
      patience,
      silent: () => told.push("silent"),
      start: () => {
        told.push("start");
        return starts.shift()?.() ?? Promise.resolve();
      },
      beat: async () => beats++,
      end: () => told.push("end"),
    };
  });
  const stop = listen(
    { invalidated: () => undefined, confirmed: (atMs) => told.push(atMs), lost: () => told.push("lost") },
    2,
  );
  return { told, hear, stop, beats: () => beats };
}

it("loses what it had when its proofs stay away, and believes none before it has started again", async () => {
  const again = gate();
  const { told, hear, stop } = wired(2, [() => Promise.resolve(), () => again.opened]);
  await expect.poll(() => told).toEqual(["start", "silent", "lost", "start"]);
  hear.confirmed(1);
  again.open();
  await new Promise(setImmediate);
  hear.confirmed(2);
  stop();
  expect(told.slice(4)).toEqual([2, "end"]);
});

it("starts again what broke, also while it was starting", async () => {
  const first = gate();
  const { told, hear, stop } = wired(Infinity, [() => first.opened]);
  hear.broken();
  first.open();
  await expect.poll(() => told).toEqual(["start", "lost", "start"]);
  stop();
});

it("tries again what cannot start, and sends nothing until it has", async () => {
  const down = (): Promise<never> => Promise.reject(new Error("down"));
  const { told, beats, stop } = wired(Infinity, [down, down]);
  expect(beats()).toBe(0);
  await expect.poll(() => beats()).toBeGreaterThan(0);
  stop();
  expect(told).toEqual(["start", "start", "start", "end"]);
});

it("sends a proof at once when one is wanted", async () => {
  let hear!: WireListener;
  let beats = 0;
  const stop = feedOver((listener) => {
    hear = listener;
    return {
      ...{ patience: Infinity, silent: () => undefined, end: () => undefined },
      start: async () => undefined,
      beat: async () => beats++,
    };
  })({ invalidated: () => undefined, confirmed: () => undefined, lost: () => undefined }, 60_000);
  await expect.poll(() => beats).toBe(1);
  await new Promise(setImmediate);
  hear.hurry();
  await expect.poll(() => beats).toBe(2);
  stop();
});
