export type { NextHandlerOptions } from "./options.js";
export {
  type NextCacheControl,
  type NextCacheHandler,
  nextCacheHandler,
  type NextFound,
  type NextGetContext,
  type NextPageHandlerOptions,
  type NextSetContext,
  type NextValue,
} from "./page-handler.js";
export { type NextUseCacheEntry, type NextUseCacheHandler, nextUseCacheHandler } from "./use-cache-handler.js";
