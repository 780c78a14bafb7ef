export { STREAM_HEADERS } from "./headers.js";
export type { SseOptions } from "./options.js";
export { admitStream, type StreamAdmission } from "./admit.js";
