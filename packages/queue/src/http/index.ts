export type { Authorize, QueueAccess } from "./access.js";
export { queueStatusGuard, type QueueStatusOptions, type StatusQueue } from "./status.js";
