// Route handlers of Next are fetch handlers.
export { withHealth } from "./fetch.js";
