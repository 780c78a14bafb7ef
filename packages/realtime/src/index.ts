export { type StoreFailed, storeFail } from "./events.js";
export { memoryStore } from "./memory-store.js";
export { createRealtime, type Realtime, type RealtimeOptions } from "./realtime.js";
export type { RealtimeStore } from "./types.js";
