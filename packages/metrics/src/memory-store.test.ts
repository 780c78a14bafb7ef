import { memoryStore } from "./memory-store.js";
import { describeMetricsStore } from "./testing/index.js";

describeMetricsStore("memory", async () => memoryStore());
