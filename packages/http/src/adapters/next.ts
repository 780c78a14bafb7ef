// Route handlers of Next are fetch handlers; the package needs nothing of Next at run time.
export { type FetchHandler, toFetch, type ToFetchOptions } from "./fetch.js";
