import { ConfigError } from "./errors.js";

// The separator, the escape itself, what Redis reads as a hash tag or a glob, blanks and control characters, and the
// lone surrogates that UTF-8 would turn into one and the same replacement character.
const UNSAFE =
  // oxlint-disable-next-line no-control-regex -- control characters are the point
  /[%:{}*?[\]\\\u0000-\u0020\u007f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
// oxlint-disable-next-line no-control-regex -- as above
const MAYBE_UNSAFE = /[%:{}*?[\]\\\u0000-\u0020\u007f\ud800-\udfff]/;

/**
 * Escapes one part of a key: different strings give different segments, and no character has a meaning to Redis.
 * Strings without special characters are returned unchanged.
 */
export function keySegment(text: string): string {
  return MAYBE_UNSAFE.test(text) ? text.replace(UNSAFE, escape) : text;
}

function escape(character: string): string {
  const code = character.charCodeAt(0);
  return code > 0xff ? `%u${code.toString(16)}` : `%${code.toString(16).padStart(2, "0")}`;
}

const ESCAPED = /%u([0-9a-f]{4})|%([0-9a-f]{2})/g;

/** The inverse of `keySegment`. */
export function keySegmentText(segment: string): string {
  if (!segment.includes("%")) return segment;
  return segment.replace(ESCAPED, (_, wide: string | undefined, narrow: string) =>
    String.fromCharCode(Number.parseInt(wide ?? narrow, 16)),
  );
}

/**
 * Joins parts to a key with `:`. Different lists always give different keys.
 * @throws {ConfigError} for an empty list
 */
export function joinKey(parts: readonly string[]): string {
  if (parts.length === 0) throw new ConfigError("joinKey: expected at least one part, got none");
  return parts.map(keySegment).join(":");
}

/**
 * Builds a key whose hash tag is the tenant: all keys of one tenant and prefix lie in one Redis Cluster slot.
 * @param prefix set by the application, not escaped
 * @returns `<prefix>:{<tenant>}:<part>:<part>…`
 */
export function tenantKey(prefix: string, tenantId: string, parts: readonly string[]): string {
  return tenantKeyPrefix(prefix, tenantId) + joinKey(parts);
}

/** The common start of all keys of one tenant and prefix: `<prefix>:{<tenant>}:`. For callers that build several keys. */
export function tenantKeyPrefix(prefix: string, tenantId: string): string {
  return `${prefix}:{${keySegment(tenantId)}}:`;
}
