import { createManualClock } from "@scale/core/testing";
import { describeHubStore } from "../testing/index.js";
import { memoryHub } from "./hub.js";

describeHubStore("memory", async () => {
  const clock = createManualClock();
  return { store: memoryHub({ clock }), pass: async (ms) => clock.advance(ms) };
});
