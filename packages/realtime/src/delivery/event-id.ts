import { createCipheriv, createDecipheriv } from "node:crypto";
import type { Cursor, Position } from "../store.js";

const CIPHER = "aes-128-ecb";
const ID = /^[\w-]{22}$/;

/**
 * The id of a position, as clients see it: one AES block under the epoch, which only processes know. It is the same in every
 * process, shows neither the time nor the number of events, and cannot be made up: of 2^64 blocks one decrypts to a position.
 */
export function eventId({ epoch, position }: Cursor): string {
  const block = Buffer.alloc(16);
  block.writeBigUInt64BE(BigInt(position), 8);
  const cipher = createCipheriv(CIPHER, Buffer.from(epoch, "hex"), null).setAutoPadding(false);
  return Buffer.concat([cipher.update(block), cipher.final()]).toString("base64url");
}

/** Returns the position of an id of this epoch, or `undefined` for every other string. */
export function positionOfId(epoch: string, id: string): Position | undefined {
  if (!ID.test(id)) return undefined;
  const decipher = createDecipheriv(CIPHER, Buffer.from(epoch, "hex"), null).setAutoPadding(false);
  const block = Buffer.concat([decipher.update(Buffer.from(id, "base64url")), decipher.final()]);
  if (block.readBigUInt64BE(0) !== 0n) return undefined;
  const position = Number(block.readBigUInt64BE(8));
  return Number.isSafeInteger(position) ? position : undefined;
}
