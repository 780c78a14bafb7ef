import { createHash } from "node:crypto";
import { ConfigError, InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { Signer } from "./signer.js";
import type { Position, SortKey } from "./types.js";

/** Shorter than the URL limit of servers. Keys in an index of Postgres may be longer, because the index compresses them. */
const MAX_LENGTH = 8192;

/** Scope of a cursor. A cursor is valid only within the scope that signed it. */
export interface CursorScope {
  /** The current signer, then the older ones that are still accepted. */
  readonly signers: readonly [Signer, ...Signer[]];
  readonly version: number;
  /** Name of the list; `undefined` for a definition without one. */
  readonly list: string | undefined;
  readonly keys: readonly SortKey[];
  readonly order: string;
  readonly tenantId: string | undefined;
}

/**
 * Encodes `<key id>.<payload>.<signature>`; the payload is JSON in base64url. It is signed, not encrypted: a client can read
 * the keys of the row of its cursor.
 * @throws {ConfigError} when the keys of the row are too long for a URL
 */
export function encodeCursor(position: Position, { signers: [signer], ...scope }: CursorScope): string {
  const payload = [scope.version, listTag(scope), tenantTag(signer, scope.tenantId), position];
  const body = `${signer.keyId}.${Buffer.from(JSON.stringify(payload)).toString("base64url")}`;
  const cursor = `${body}.${signer.sign(body)}`;
  if (cursor.length <= MAX_LENGTH) return cursor;
  throw new ConfigError(
    `the order "${scope.order}": expected a cursor of at most ${MAX_LENGTH} characters, got ${cursor.length}; use shorter keys`,
  );
}

/**
 * @param name parameter of the cursor, for messages
 * @throws {InputError} with the code `SCALE_CURSOR` for anything but a cursor of this scope
 */
export function decodeCursor(text: string, name: string, scope: CursorScope): Position {
  const refuse = (why: string): never => {
    throw new InputError(`${name}: ${why}; start from the first page`, { code: "SCALE_CURSOR" });
  };
  const [keyId, payload, signature] =
    partsOf(text) ?? refuse(`expected a cursor of this list, got ${describeValue(text)}`);
  const signer = scope.signers.find((one) => one.keyId === keyId) ?? refuse("the key of this cursor is not accepted");
  if (!signer.verify(`${keyId}.${payload}`, signature)) return refuse("this cursor was changed");
  // The signature is valid, so the payload has the form that `encodeCursor` wrote.
  const [version, order, tenant, position] = JSON.parse(Buffer.from(payload, "base64url").toString()) as Payload;
  if (tenant !== tenantTag(signer, scope.tenantId)) return refuse("this cursor belongs to another tenant");
  if (version !== scope.version) {
    return refuse(`this cursor is of version ${version}, and the list is at version ${scope.version}`);
  }
  if (order !== listTag(scope)) {
    const other = scope.list === undefined ? "order" : `list than "${scope.list}" or another order`;
    return refuse(`this cursor belongs to another ${other} than "${scope.order}"`);
  }
  return position;
}

type Payload = readonly [version: number, order: string, tenant: string, position: Position];

function partsOf(text: string): readonly [string, string, string] | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const [keyId, payload, signature, ...more] = text.split(".");
  return keyId === undefined || payload === undefined || signature === undefined || more.length > 0
    ? undefined
    : [keyId, payload, signature];
}

/** Two orders of a list have the same tag if they sort by the same columns, whatever the names of the orders. */
function listTag({ list, keys }: Pick<CursorScope, "list" | "keys">): string {
  const order = keys.map(({ column, direction, nulls = "" }) => [column, direction, nulls]);
  const text = JSON.stringify(list === undefined ? order : { list, order });
  return createHash("sha256").update(text).digest("base64url").slice(0, 12);
}

/** Signed, so that clients that compare cursors of lists with different secrets cannot tell whether they have one tenant. */
const tenantTag = (signer: Signer, tenantId: string | undefined): string =>
  tenantId === undefined ? "" : signer.sign(`tenant:${tenantId}`).slice(0, 22);
