import { ConfigError, tenancy } from "@scale/core";
import { createDeadline, type Deadline, parseOptions, parseTenantId, describeValue } from "@scale/core/kit";
import { z } from "zod";
import { parseRequest } from "./parse.js";
import { createSigners } from "./signer.js";
import { MAX_SIZE, type PageSize, pageSizes, type PageSizeName } from "./sizes.js";
import type { Order, PageArgs } from "./types.js";

export interface PageOptions {
  /**
   * Order of the list, or several by name; a request selects one with `order`, and the first is the default.
   * The last key of each must be unique among the rows of a list.
   */
  readonly by: Order | Readonly<Record<string, Order>>;
  /** Secret that signs the cursors, at least 32 characters. In a list the first signs, and all are accepted. */
  readonly secret: string | readonly string[];
  /**
   * Name of the list. A cursor is bound to it, so that no other list with the same secret and order accepts the cursor.
   * @default none: lists with the same secret and order accept each other's cursors
   */
  readonly list?: string;
  /**
   * Version of the cursors. Others are refused: raise it when a column keeps its name and changes its meaning.
   * @default 1
   */
  readonly version?: number;
  /**
   * Rows of a page if neither the request nor the plan sets a size.
   * @default 50, or `maxSize` if that is less
   */
  readonly defaultSize?: number;
  /**
   * Maximum rows of a page for every request and plan: a number up to 10,000, or a name of `pageSizes`.
   * @default the maximum of the tenant's plan, else "large", which is 100
   */
  readonly maxSize?: number | PageSizeName;
  /**
   * Maximum rows that a numbered page may skip. The database reads each skipped row, so a later page costs more.
   * @default 0: cursors only
   */
  readonly maxOffset?: number;
  /**
   * Scope of the cursors. `own`: a cursor is bound to its tenant. `shared`: all tenants read the same list.
   * @default "own"
   */
  readonly tenants?: "own" | "shared";
  /**
   * Deadline of each statement, in milliseconds.
   * @default 5000
   */
  readonly timeoutMs?: number;
}

/** Tenant and plan of a request. */
export interface PageContext {
  /**
   * Tenant of the request.
   * @default the tenant of `tenancy.require()`
   */
  readonly tenantId?: string;
  /** Page sizes of the tenant's plan, capped by `maxSize` of the definition. */
  readonly pageSize?: PageSize | undefined;
}

export interface PageDefinition {
  /** Orders by name; an order without a name is `default`. */
  readonly orders: ReadonlyMap<string, Order>;
  /** Deadline of each statement. */
  readonly deadline: Deadline;
  /**
   * Checks the parameters of a request: `first`, `after`, `last`, `before`, `limit`, `page`, `order`. Others are ignored.
   * @param query `request.query` of Express, `URLSearchParams`, or the arguments of a GraphQL field
   * @throws {InputError} for an invalid size, page or order; with `SCALE_CURSOR` for an invalid cursor
   * @throws {TenantError} without a tenant
   */
  parse(query: object, context?: PageContext): PageArgs;
}

const direction = z.enum(["asc", "desc"]);
// oxlint-disable-next-line no-control-regex -- names of Postgres contain no NUL
const column = z.string().regex(/^[^.\0]+(?:\.[^.\0]+)*$/, "expected a column name");
// A type is part of the statement as it is written in the definition.
const type = z.string().regex(/^[A-Za-z_][\w ."]*(?:\(\d+(?:, ?\d+)?\))?[\w ]*(?:\[\])?$/, "expected an SQL type");
const key = z.strictObject({
  column,
  direction,
  nulls: z.enum(["first", "last"]).optional(),
  type: type.optional(),
});
const order = z
  .array(key)
  .min(1, "expected at least one key")
  .refine((keys) => keys.at(-1)?.nulls === undefined, "expected a last key that is unique and never null")
  .refine((keys) => new Set(keys.map(({ column }) => column)).size === keys.length, "expected each column once");

const optionsSchema = z.strictObject({
  list: z.string().min(1).max(200).optional(),
  version: z.int().min(0).default(1),
  defaultSize: z.int().min(1).max(MAX_SIZE).optional(),
  maxSize: z.union([z.int().min(1).max(MAX_SIZE), z.enum(["small", "medium", "large", "xlarge"])]).optional(),
  maxOffset: z.int().min(0).default(0),
  tenants: z.enum(["own", "shared"]).default("own"),
  timeoutMs: z.number().min(1).max(600_000).default(5000),
});

/**
 * Defines the orders and page sizes of a list. Requests cannot add columns or directions.
 * @throws {ConfigError} for an order without a last key that can be unique, and for a short secret
 */
export function definePage(options: PageOptions): PageDefinition {
  const { by, secret, ...rest } = options;
  const { list, version, defaultSize, maxSize, maxOffset, tenants, timeoutMs } = parseOptions(
    optionsSchema,
    rest,
    "definePage",
  );
  const max = typeof maxSize === "string" ? pageSizes[maxSize] : maxSize;
  const maxRows = max ?? pageSizes.large;
  if (defaultSize !== undefined && defaultSize > maxRows) {
    throw new ConfigError(`definePage: defaultSize: expected at most maxSize, ${maxRows}, got ${defaultSize}`);
  }
  const definition = {
    orders: ordersOf(by),
    signers: createSigners(secret),
    list,
    version,
    sizes: { max, default: defaultSize },
    maxOffset,
    deadline: createDeadline(timeoutMs),
  };
  const tenantOf = ({ tenantId }: PageContext): string | undefined => {
    if (tenants === "shared") return undefined;
    return tenantId === undefined ? tenancy.require().tenantId : parseTenantId(tenantId);
  };
  return {
    orders: definition.orders,
    deadline: definition.deadline,
    parse: (query, context = {}) =>
      parseRequest(query, { ...definition, tenantId: tenantOf(context), plan: context.pageSize }),
  };
}

/** Name of an order without a name. */
const UNNAMED = "default";

function ordersOf(by: PageOptions["by"]): ReadonlyMap<string, Order> {
  const named = isOrder(by) ? { [UNNAMED]: by } : by;
  if (typeof named !== "object" || named === null || Object.entries(named).length === 0) {
    throw new ConfigError(
      `definePage: by: expected an order such as [desc("created_at"), desc("id")], got ${describeValue(by)}`,
    );
  }
  const checked = (keys: Order, name: string): Order => {
    parseOptions(order, keys, `definePage: by: ${name}`);
    return [...keys];
  };
  return new Map(Object.entries(named).map(([name, keys]) => [name, checked(keys, name)]));
}

const isOrder = (by: PageOptions["by"]): by is Order => Array.isArray(by);
