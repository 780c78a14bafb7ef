import { joinKey, keySegment, keySegmentText } from "@scale/core/kit";

/** Parts of a key. A number equals the string of its digits. */
export type KeyParts = string | number | readonly (string | number)[];

/** First character of an L1 key that is written as in the store. */
const AS_STORED = "\u0000";
const AS_STORED_CODE = 0;

/** The L1 key of an entry. A single string is its own key, so that a hit has no string to build. */
export function keyText(parts: KeyParts): string {
  if (typeof parts === "string") return parts.charCodeAt(0) === AS_STORED_CODE ? AS_STORED + keySegment(parts) : parts;
  if (typeof parts === "number") return String(parts);
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return keyText(only);
  return AS_STORED + joinKey(parts.map(String));
}

/** Converts an L1 key to the key of the same entry in the store. */
export function storeText(key: string): string {
  return key.charCodeAt(0) === AS_STORED_CODE ? key.slice(1) : keySegment(key);
}

/** Converts a store key back: the inverse of `storeText`. */
export function keyTextOf(stored: string): string {
  return stored.includes(":") ? AS_STORED + stored : keyText(keySegmentText(stored));
}
