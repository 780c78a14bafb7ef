// Route handlers of Next are fetch handlers, and nothing of Next itself is needed at run time.
export { type DbSessionCookie, type DbSessionOptions, dbSession } from "./fetch.js";
