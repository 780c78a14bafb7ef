import { memoryStore } from "./memory-store.js";
import { describeQueueStore } from "./testing/index.js";

describeQueueStore("memory", async () => memoryStore());
