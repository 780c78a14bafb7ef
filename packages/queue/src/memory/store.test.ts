import { describe, expect, it } from "vitest";
import { describeQueueStore, virtualClock } from "../testing/index.js";
import { memoryStore } from "./store.js";

describeQueueStore("memory", async () => {
  const clock = virtualClock();
  return {
    store: memoryStore({ durability: "none", clock }),
    advance: (ms) => clock.advance(ms),
    close: async () => undefined,
  };
});

describe("memoryStore", () => {
  it("asks for the word that its jobs are lost with the process", () => {
    // @ts-expect-error -- the option is required
    expect(() => memoryStore({})).toThrow(/durability: expected "none", got undefined/);
  });
});
