import { joinKey, keySegment, keySegmentText } from "@scale/core/kit";
import { boundedKey, isDigest, MAX_KEY_LENGTH } from "./bounds.js";

/** Parts of a key. A number equals the string of its digits. */
export type KeyParts = string | number | readonly (string | number)[];

/**
 * First character of an L1 key that is written as in the store. Compared by index: on Node 20 `charCodeAt` is not inlined in a
 * process that has a class which extends String, as ioredis 6 has, and takes as long as finding the entry.
 */
const AS_STORED = "\u0000";

/**
 * The L1 key of an entry. A single string is its own key, so that a hit has no string to build. A key above the bound is its
 * digest.
 */
export function keyText(parts: KeyParts): string {
  if (typeof parts === "string") {
    if (parts[0] !== AS_STORED && parts.length <= MAX_KEY_LENGTH) return parts;
    return AS_STORED + boundedKey(keySegment(parts));
  }
  if (typeof parts === "number") return String(parts);
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return keyText(only);
  return AS_STORED + boundedKey(joinKey(parts.map(String)));
}

/** Converts an L1 key to the key of the same entry in the store. */
export function storeText(key: string): string {
  return key[0] === AS_STORED ? key.slice(1) : keySegment(key);
}

/** Converts a store key back: the inverse of `storeText`. */
export function keyTextOf(stored: string): string {
  return stored.includes(":") || isDigest(stored) ? AS_STORED + stored : keyText(keySegmentText(stored));
}
