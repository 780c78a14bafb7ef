import { createHash } from "node:crypto";
import { ConfigError, InputError } from "@scale/core";
import { describeValue, parseTenantId } from "@scale/core/kit";

export interface TableOptions {
  /**
   * Schema of the table.
   * @default the first schema of the connection's search_path
   */
  readonly schema?: string;
  /** Name of the table. */
  readonly table?: string;
}

/** Postgres truncates longer names, which would make two names equal. */
const MAX_NAME_BYTES = 63;
/** An index entry holds at most 2704 bytes, and the keys of our indexes contain more than the tenant. */
const MAX_TENANT_KEY_BYTES = 512;
const MAX_TEXT_BYTES = 1024;

/** Quoted name of a table for SQL, whatever characters it contains. */
export function quotedTable({ schema, table }: TableOptions & { readonly table: string }): string {
  return schema === undefined ? identifier(table) : `${identifier(schema)}.${identifier(table)}`;
}

export function identifier(name: unknown): string {
  if (isStorable(name) && name !== "" && Buffer.byteLength(name) <= MAX_NAME_BYTES) {
    return `"${name.replaceAll('"', '""')}"`;
  }
  throw new ConfigError(
    `table and schema: expected a name of 1 to ${MAX_NAME_BYTES} bytes, got ${describeValue(name)}`,
  );
}

/** A tenant id as columns of a table. */
export interface TenantColumns {
  /** Column of the indexes: the id, or a hash of one that is long or that Postgres does not store unchanged. */
  readonly key: string;
  /** For a hash, the id as JSON. */
  readonly full: string | null;
}

/**
 * Postgres strings hold no NUL, and the client replaces every lone surrogate by the same character, which would merge two
 * tenants.
 */
export function textColumns(text: string): TenantColumns {
  const isPlain = isStorable(text) && !text.startsWith("#");
  if (isPlain && Buffer.byteLength(text) <= MAX_TENANT_KEY_BYTES) return { key: text, full: null };
  const full = JSON.stringify(text);
  return { key: `#${createHash("sha256").update(full).digest("base64url")}`, full };
}

/** @throws {TenantError} for an invalid id */
export const tenantColumns = (tenantId: unknown): TenantColumns => textColumns(parseTenantId(tenantId));

/** The text of `textColumns`. */
export function tenantOf(key: string, full: string | null): string {
  return full === null ? key : String(JSON.parse(full));
}

/** @throws {InputError} unless `value` is a string of 1 to 1,024 bytes that Postgres stores unchanged */
export function storableText(value: unknown, what: string): string {
  if (isStorableText(value)) return value;
  throw new InputError(
    `${what}: expected a string of 1 to ${MAX_TEXT_BYTES} bytes without NUL and lone surrogates, got ${describeValue(value)}`,
  );
}

/** True for a string that `storableText` takes. No row has another one. */
export const isStorableText = (value: unknown): value is string =>
  isStorable(value) && value !== "" && Buffer.byteLength(value) <= MAX_TEXT_BYTES;

const isStorable = (value: unknown): value is string => typeof value === "string" && !/[\0\p{Surrogate}]/u.test(value);
