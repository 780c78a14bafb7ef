import { createHash } from "node:crypto";
import { ConfigError, InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { Signer } from "./signer.js";
import type { Position, SortKey } from "./types.js";

/** Shorter than what servers take in a URL. An index of Postgres holds longer keys: it compresses them. */
const MAX_LENGTH = 8192;

/** What a cursor must agree with to be taken. */
export interface CursorScope {
  /** The one that signs, then those that are still accepted. */
  readonly signers: readonly [Signer, ...Signer[]];
  readonly version: number;
  readonly keys: readonly SortKey[];
  readonly order: string;
  readonly tenantId: string | undefined;
}

/**
 * `<key id>.<payload>.<signature>`; the payload is JSON in base64url. Signed and not encrypted: who has a cursor can read
 * the keys of its row, and those of no other.
 * @throws {ConfigError} when the keys of the row are too long for a URL
 */
export function encodeCursor(position: Position, { signers: [signer], ...scope }: CursorScope): string {
  const payload = [scope.version, orderTag(scope.keys), tenantTag(signer, scope.tenantId), position];
  const body = `${signer.keyId}.${Buffer.from(JSON.stringify(payload)).toString("base64url")}`;
  const cursor = `${body}.${signer.sign(body)}`;
  if (cursor.length <= MAX_LENGTH) return cursor;
  throw new ConfigError(`the order "${scope.order}" makes a cursor of ${cursor.length} characters: use shorter keys`);
}

/**
 * @param name the parameter, for messages
 * @throws {InputError} with the code `SCALE_CURSOR`, for everything but a cursor that `scope` signed
 */
export function decodeCursor(text: string, name: string, scope: CursorScope): Position {
  const refuse = (why: string): never => {
    throw new InputError(`${name}: ${why}; start from the first page`, { code: "SCALE_CURSOR" });
  };
  const [keyId, payload, signature] =
    partsOf(text) ?? refuse(`expected a cursor of this list, got ${describeValue(text)}`);
  const signer = scope.signers.find((one) => one.keyId === keyId) ?? refuse("the key of this cursor is not accepted");
  if (!signer.verifies(`${keyId}.${payload}`, signature)) return refuse("this cursor was changed");
  // Signed by us: what is inside has the form that we gave it.
  const [version, order, tenant, position] = JSON.parse(Buffer.from(payload, "base64url").toString()) as Payload;
  if (tenant !== tenantTag(signer, scope.tenantId)) return refuse("this cursor belongs to another tenant");
  if (version !== scope.version) {
    return refuse(`this cursor is of version ${version}, and the list is at version ${scope.version}`);
  }
  if (order !== orderTag(scope.keys)) return refuse(`this cursor belongs to another order than "${scope.order}"`);
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

/** Two orders have one tag when they put the same rows in the same order, whatever they are called. */
function orderTag(keys: readonly SortKey[]): string {
  const text = JSON.stringify(keys.map(({ column, direction, nulls = "" }) => [column, direction, nulls]));
  return createHash("sha256").update(text).digest("base64url").slice(0, 12);
}

/** Of its own key: clients that compare cursors do not learn whether two lists are of one tenant. */
const tenantTag = (signer: Signer, tenantId: string | undefined): string =>
  tenantId === undefined ? "" : signer.sign(`tenant:${tenantId}`).slice(0, 22);
