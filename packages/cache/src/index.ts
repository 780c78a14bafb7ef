export { type Cache, type CacheHealth, createCache } from "./cache.js";
export type { Codec, StandardSchema, ValueSchema } from "./definition/codec.js";
export type { DataLoader } from "./adapters/data-loader.js";
export type { Definition, DefinitionOptions, KeyParts, LoadContext, LoadManyContext } from "./definition/definition.js";
export {
  type EntryRejected,
  entryReject,
  fillRefuse,
  type InvalidationQueued,
  invalidationQueue,
  type LoadFailed,
  loadFail,
  type MemoryDropped,
  memoryDrop,
  type MemoryFailed,
  memoryFail,
  type StaleServed,
  staleServe,
  type StoreFailed,
  storeFail,
} from "./events.js";
export {
  createKeyValueCache,
  type KeyValueCache,
  type KeyValueGetOrSetOptions,
  type KeyValueOptions,
  type KeyValueTtl,
} from "./adapters/key-value.js";
export { budgetsFromPlans } from "./memory/plan-budgets.js";
export type { MemoryOptions } from "./memory/memory.js";
export type { Budget, MemoryStats, TenantUsage } from "./memory/types.js";
export type { CacheOptions } from "./options.js";
export type {
  CacheStore,
  ClaimResult,
  EntryContent,
  InvalidationListener,
  ReadResult,
  Invalidation,
  Lease,
  EntryAddress,
  ClaimReason,
  Read,
  ReadListener,
  StoredEntry,
} from "./store.js";
export type { CacheResult, GetOrSetOptions, InvalidateOptions, SetOptions, TenantCache } from "./tenant-cache.js";
export { createTenantWarmers, type TenantWarmers, type TenantWarmersOptions } from "./warm/tenant-warmers.js";
export type {
  ParamsSource,
  WarmCounts,
  WarmEntries,
  WarmEntry,
  WarmFailure,
  WarmOptions,
  WarmProgress,
  WarmReport,
  WarmRun,
} from "./warm/types.js";
export type { Receipt } from "./coherence/invalidate.js";
