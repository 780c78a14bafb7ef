import { joinKey, keySegment, keySegmentText } from "@scale/core/kit";
import type { KeyParts } from "./definition.js";

/** The first character of a key that is written as in the store. */
const AS_STORED = "\u0000";
const AS_STORED_CODE = 0;

/** The key of an entry in this process. A single text is its own key, so that a hit has none to make. */
export function keyText(parts: KeyParts): string {
  if (typeof parts === "string") return parts.charCodeAt(0) === AS_STORED_CODE ? AS_STORED + keySegment(parts) : parts;
  if (typeof parts === "number") return String(parts);
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return keyText(only);
  return AS_STORED + joinKey(parts.map(String));
}

/** The key of the same entry in the store. */
export function storeText(key: string): string {
  return key.charCodeAt(0) === AS_STORED_CODE ? key.slice(1) : keySegment(key);
}

/** The key that `storeText` was given. */
export function keyTextOf(stored: string): string {
  return stored.includes(":") ? AS_STORED + stored : keyText(keySegmentText(stored));
}
