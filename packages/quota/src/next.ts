// Route handlers of Next are fetch handlers.
export { checkQuota, quotaStatus } from "./fetch.js";
