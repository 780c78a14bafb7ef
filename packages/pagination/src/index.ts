export { type Connection, connection } from "./relay.js";
export { definePage, type PageContext, type PageDefinition, type PageOptions } from "./define.js";
export { asc, desc, type KeyOptions, type NullableKeyOptions } from "./order.js";
export {
  createPaginatedResponse,
  extractPaginationParams,
  type PaginatedResponse,
  type PaginationOptions,
  type PaginationParams,
} from "./offset.js";
export { type PageSize, pageSizes, type PageSizeName } from "./sizes.js";
export type {
  NullableKey,
  Order,
  Page,
  PageArgs,
  PageInfo,
  Position,
  RequiredKey,
  SortKey,
  Total,
  TotalKind,
} from "./types.js";
