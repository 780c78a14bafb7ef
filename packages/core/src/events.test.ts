import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, it } from "vitest";
import { defineEvent } from "./events.js";

describe("defineEvent", () => {
  it("builds no message without a subscriber", () => {
    const event = defineEvent<number>("scale:test:thing-happen");
    let built = 0;
    event.publish(() => ++built);
    expect(built).toBe(0);
  });

  it("reaches subscribers by name, until they unsubscribe", () => {
    const event = defineEvent<{ n: number }>("scale:test:thing-count");
    const seen: unknown[] = [];
    const byName = (message: unknown): void => void seen.push(message);
    subscribe("scale:test:thing-count", byName);
    const leave = event.subscribe((message) => seen.push(message.n));
    event.publish(() => ({ n: 1 }));
    leave();
    unsubscribe("scale:test:thing-count", byName);
    event.publish(() => ({ n: 2 }));
    expect(seen).toEqual([{ n: 1 }, 1]);
  });
});
