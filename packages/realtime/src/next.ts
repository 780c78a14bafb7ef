// Route handlers of Next are fetch handlers.
export { withRealtime } from "./fetch.js";
