import { createHash } from "node:crypto";

/** Tags of one value: as many as Next.js admits. Each is a call of the script that reads or fills the value. */
const MAX_TAGS = 128;
/** Bytes of all tags of one value together. They are stored with the value. */
export const MAX_TAG_BYTES = 4096;
/** Keys and tags that one command invalidates. */
export const MAX_INVALIDATED = 256;
/** Characters of a key. A longer one is replaced by its digest. */
export const MAX_KEY_LENGTH = 512;

/** The bound that a value exceeds, and by what. */
export interface Excess {
  readonly reason: "tags" | "tag-bytes";
  readonly got: number;
  readonly max: number;
}

/** Checks the tags of a value, which often come from a tenant's data. @returns `undefined` when the value may be kept */
export function excessOf(tags: readonly string[]): Excess | undefined {
  if (tags.length === 0) return undefined;
  if (tags.length > MAX_TAGS) return { reason: "tags", got: tags.length, max: MAX_TAGS };
  const bytes = tags.reduce((sum, tag) => sum + Buffer.byteLength(tag) + 1, 0);
  return bytes > MAX_TAG_BYTES ? { reason: "tag-bytes", got: bytes, max: MAX_TAG_BYTES } : undefined;
}

// `keySegment` writes a percent sign before hexadecimal digits or "u" only.
const DIGEST = "%sha256-";

/** Replaces a key that is too long for Redis and for every index of keys. No other key is written like the result. */
export function boundedKey(text: string): string {
  if (text.length <= MAX_KEY_LENGTH) return text;
  return DIGEST + createHash("sha256").update(text).digest("base64url");
}

export const isDigest = (stored: string): boolean => stored.startsWith(DIGEST);
