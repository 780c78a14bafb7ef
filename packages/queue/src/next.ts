// Route handlers of Next are fetch handlers.
export { withQueue } from "./fetch.js";
