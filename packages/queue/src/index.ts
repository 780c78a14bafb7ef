export { type StoreFailed, storeFail } from "./events.js";
export { memoryStore } from "./memory-store.js";
export { createQueue, type Queue, type QueueOptions } from "./queue.js";
export type { QueueStore } from "./types.js";
