import { ConfigError, tenancy } from "@scale/core";
import { createDeadline, type Deadline, parseOptions, parseTenantId, describeValue } from "@scale/core/kit";
import { z } from "zod";
import { parseRequest } from "./parse.js";
import { createSigners } from "./signer.js";
import { MAX_SIZE, type PageSize, pageSizes, type PageSizeName } from "./sizes.js";
import type { Order, PageArgs } from "./types.js";

export interface PageOptions {
  /**
   * The order of the list, or several by name, of which a request chooses with `order`; the first is the default.
   * The last key of each must be unique among the rows of a list.
   */
  readonly by: Order | Readonly<Record<string, Order>>;
  /** Signs the cursors, at least 32 characters. Of several the first signs and all are accepted. */
  readonly secret: string | readonly string[];
  /**
   * Cursors of another version are refused. Raise it when a column keeps its name and changes its meaning.
   * @default 1
   */
  readonly version?: number;
  /**
   * Rows of a page when neither the request nor the plan says.
   * @default 50, or `maxSize` if that is less
   */
  readonly defaultSize?: number;
  /**
   * Rows of a page, however many a request asks for and a plan allows: a number to 10,000, or a name of `pageSizes`.
   * @default what the tenant's plan says, else "large", which is 100
   */
  readonly maxSize?: number | PageSizeName;
  /**
   * Rows that `page=2` and on may pass over. The database reads each of them, so that a page costs more the further it is.
   * @default 0: the list has cursors only
   */
  readonly maxOffset?: number;
  /**
   * `own`: a cursor is bound to the tenant it was made for. `shared`: all tenants read the same list.
   * @default "own"
   */
  readonly tenants?: "own" | "shared";
  /**
   * Milliseconds that each statement may take.
   * @default 5000
   */
  readonly timeoutMs?: number;
}

/** Who asks. */
export interface PageContext {
  /** @default the tenant of `tenancy.require()` */
  readonly tenantId?: string;
  /** What the tenant's plan says, up to the definition's `maxSize`. */
  readonly pageSize?: PageSize | undefined;
}

export interface PageDefinition {
  /** By name; an order without one is called `default`. */
  readonly orders: ReadonlyMap<string, Order>;
  /** Waits for a statement, `timeoutMs` at most. */
  readonly inTime: Deadline;
  /**
   * Checks what a request asks for: `first`, `after`, `last`, `before`, `limit`, `page`, `order`. Other parameters are
   * not looked at.
   * @param query what Express calls `request.query`, `URLSearchParams`, or the arguments of a GraphQL field
   * @throws {InputError} for a size, a page or an order that cannot be; with `SCALE_CURSOR` for a cursor that is not taken
   * @throws {TenantError} without a tenant
   */
  parse(query: object, context?: PageContext): PageArgs;
}

const direction = z.enum(["asc", "desc"]);
// oxlint-disable-next-line no-control-regex -- no name of Postgres has one
const column = z.string().regex(/^[^.\0]+(?:\.[^.\0]+)*$/, "expected the name of a column");
// A type stands in the statement as it is written here.
const type = z.string().regex(/^[A-Za-z_][\w ."]*(?:\(\d+(?:, ?\d+)?\))?[\w ]*(?:\[\])?$/, "expected a type of SQL");
const key = z.strictObject({
  column,
  direction,
  nulls: z.enum(["first", "last"]).optional(),
  type: type.optional(),
});
const order = z
  .array(key)
  .min(1, "expected at least one key")
  .refine((keys) => keys.at(-1)?.nulls === undefined, "the last key must be unique, and so it cannot be null")
  .refine((keys) => new Set(keys.map(({ column }) => column)).size === keys.length, "a column stands in it twice");

const optionsSchema = z.strictObject({
  version: z.int().min(0).default(1),
  defaultSize: z.int().min(1).max(MAX_SIZE).optional(),
  maxSize: z.union([z.int().min(1).max(MAX_SIZE), z.enum(["small", "medium", "large", "xlarge"])]).optional(),
  maxOffset: z.int().min(0).default(0),
  tenants: z.enum(["own", "shared"]).default("own"),
  timeoutMs: z.number().min(1).max(600_000).default(5000),
});

/**
 * Says once in which order a list is read, and how much of it at a time. Columns and directions come from here alone.
 * @throws {ConfigError} for an order without a last key that can be unique, and a secret that is too short
 */
export function definePage(options: PageOptions): PageDefinition {
  const { by, secret, ...rest } = options;
  const { version, defaultSize, maxSize, maxOffset, tenants, timeoutMs } = parseOptions(
    optionsSchema,
    rest,
    "definePage",
  );
  const max = typeof maxSize === "string" ? pageSizes[maxSize] : maxSize;
  const most = max ?? pageSizes.large;
  if (defaultSize !== undefined && defaultSize > most) {
    throw new ConfigError(`definePage: defaultSize: expected at most maxSize, ${most}, got ${defaultSize}`);
  }
  const definition = {
    orders: ordersOf(by),
    signers: createSigners(secret),
    version,
    sizes: { max, default: defaultSize },
    maxOffset,
    inTime: createDeadline(timeoutMs),
  };
  const tenantOf = ({ tenantId }: PageContext): string | undefined => {
    if (tenants === "shared") return undefined;
    return tenantId === undefined ? tenancy.require().tenantId : parseTenantId(tenantId);
  };
  return {
    orders: definition.orders,
    inTime: definition.inTime,
    parse: (query, context = {}) =>
      parseRequest(query, { ...definition, tenantId: tenantOf(context), plan: context.pageSize }),
  };
}

/** What an order is called that has no name. */
const UNNAMED = "default";

function ordersOf(by: PageOptions["by"]): ReadonlyMap<string, Order> {
  const named = isOrder(by) ? { [UNNAMED]: by } : by;
  if (typeof named !== "object" || named === null || Object.entries(named).length === 0) {
    throw new ConfigError(`definePage: by: expected an order, got ${describeValue(by)}`);
  }
  const checked = (keys: Order, called: string): Order => {
    parseOptions(order, keys, `definePage: by: ${called}`);
    return [...keys];
  };
  return new Map(Object.entries(named).map(([called, keys]) => [called, checked(keys, called)]));
}

const isOrder = (by: PageOptions["by"]): by is Order => Array.isArray(by);
