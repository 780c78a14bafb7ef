// Route handlers of Next are fetch handlers.
export { withMetrics } from "./fetch.js";
