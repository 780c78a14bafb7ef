export { type Cache, type CacheOptions, createCache } from "./cache.js";
export type { Codec, ValueSchema } from "./definition/codec.js";
export type { Definition, DefinitionOptions, LoadContext } from "./definition/definition.js";
export type { KeyParts } from "./definition/key.js";
export {
  entryReject,
  fillRefuse,
  valueRefuse,
  invalidationQueue,
  loadFail,
  memoryDrop,
  memoryFail,
  staleServe,
  storeFail,
} from "./events.js";
export { createKeyValueCache, type KeyValueCache, type KeyValueTtl } from "./adapters/key-value.js";
export { budgetsFromPlans } from "./memory/plan-budgets.js";
export type { Budget, MemoryStats, TenantUsage } from "./memory/types.js";
export type { CacheStore } from "./store.js";
export type { CacheResult } from "./get/flight.js";
export type { DataLoader, GetOrSetOptions, InvalidateOptions, TenantCache } from "./tenant-cache.js";
export { createTenantWarmers, type TenantWarmers, type TenantWarmersOptions } from "./warm/tenant-warmers.js";
export type { WarmOptions, WarmProgress, WarmReport, WarmRun } from "./warm/types.js";
export type { Receipt } from "./coherence/invalidate.js";
