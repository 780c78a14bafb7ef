// Route handlers of Next are fetch handlers.
export { healthRoutes } from "./fetch.js";
