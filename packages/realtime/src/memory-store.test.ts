import { memoryStore } from "./memory-store.js";
import { describeRealtimeStore } from "./testing/index.js";

describeRealtimeStore("memory", async () => memoryStore());
