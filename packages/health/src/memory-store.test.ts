import { memoryStore } from "./memory-store.js";
import { describeHealthStore } from "./testing/index.js";

describeHealthStore("memory", async () => memoryStore());
