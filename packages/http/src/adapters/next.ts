// Route handlers of Next are fetch handlers, and nothing of Next itself is needed at run time.
export { type FetchHandler, toFetch, type ToFetchOptions } from "./fetch.js";
