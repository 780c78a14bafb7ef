export type { NextHandlerOptions } from "./options.js";
export {
  type NextCacheHandler,
  nextCacheHandler,
  type NextFound,
  type NextContext,
  type NextPageHandlerOptions,
  type NextValue,
} from "./page-handler.js";
export { type NextUseCacheEntry, type NextUseCacheHandler, nextUseCacheHandler } from "./use-cache-handler.js";
