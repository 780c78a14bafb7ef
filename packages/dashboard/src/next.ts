// Route handlers of Next are fetch handlers.
export { dashboardRoutes } from "./fetch.js";
