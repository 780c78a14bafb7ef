import { memoryStore } from "./memory.js";
import { describeRateLimitStore } from "./testing/index.js";

describeRateLimitStore("memory", (clock) => memoryStore({ clock }));
