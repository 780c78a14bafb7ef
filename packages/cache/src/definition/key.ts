import { describeValue, joinKey, keySegment, keySegmentText } from "@scale/core/kit";
import { boundedKey, isDigest, MAX_KEY_LENGTH } from "./bounds.js";

type KeyPart = string | number | bigint | boolean;

/** Parts of a key. A part that is no string equals the string that is written the same: `7` and `"7"`. */
export type KeyParts = KeyPart | readonly KeyPart[];

/**
 * First character of an L1 key that is written as in the store. Compared by index: on Node 20 `charCodeAt` is not inlined in a
 * process that has a class which extends String, as ioredis 6 has, and takes as long as finding the entry.
 */
const AS_STORED = "\u0000";

/**
 * The L1 key of an entry. A single string is its own key, so that a hit has no string to build. A key above the bound is its
 * digest.
 * @throws {TypeError} for a part that is an object, undefined, or not a finite number
 */
export function keyText(parts: KeyParts): string {
  if (typeof parts === "string") {
    if (parts[0] !== AS_STORED && parts.length <= MAX_KEY_LENGTH) return parts;
    return AS_STORED + boundedKey(keySegment(parts));
  }
  if (!Array.isArray(parts)) return keyText(partText(parts));
  const texts = (parts as readonly unknown[]).map(partText);
  const [only] = texts;
  return texts.length === 1 && only !== undefined ? keyText(only) : AS_STORED + boundedKey(joinKey(texts));
}

/** Checked although it has a type: as text, all objects are the same, and would share one value. */
function partText(part: unknown): string {
  if (typeof part === "string") return part;
  if (Number.isFinite(part) || typeof part === "bigint" || typeof part === "boolean") return String(part);
  throw new TypeError(`key: expected strings, finite numbers, bigints or booleans, got ${describeValue(part)}`);
}

/** Converts an L1 key to the key of the same entry in the store. */
export function storeText(key: string): string {
  return key[0] === AS_STORED ? key.slice(1) : keySegment(key);
}

/** Converts a store key back: the inverse of `storeText`. */
export function keyTextOf(stored: string): string {
  return stored.includes(":") || isDigest(stored) ? AS_STORED + stored : keyText(keySegmentText(stored));
}
