/** Maximum number of parts of a value that are looked at. */
const MAX_PARTS = 200_000;
const WORD = 8;
const HEADER = 24;

/**
 * Estimates the bytes of a value on the heap of 64-bit Node. It walks the whole value; a part that is referred to twice
 * counts twice. The length of its JSON is no measure: an array of empty objects takes twenty times its JSON.
 * @returns `Infinity` for a value of more than 200,000 parts, or with a cycle
 */
export function sizeOf(value: unknown): number {
  const parts: unknown[] = [value];
  let bytes = 0;
  for (let count = 0; parts.length > 0; count++) {
    if (count + parts.length > MAX_PARTS) return Infinity;
    bytes += partBytes(parts.pop(), parts);
  }
  return bytes;
}

/** Estimates the bytes of a string: one per character, or two when a character needs it. */
function textBytes(text: string): number {
  return 2 * WORD + (Buffer.byteLength(text) === text.length ? text.length : 2 * text.length);
}

/** Estimates one part, and adds the parts inside it to `parts`. */
function partBytes(value: unknown, parts: unknown[]): number {
  if (typeof value === "string") return textBytes(value);
  if (typeof value === "number") return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? 0 : 2 * WORD;
  if (typeof value === "object") return value === null ? 0 : objectBytes(value, parts);
  if (typeof value === "bigint") return HEADER + value.toString(16).length / 2;
  return typeof value === "function" || typeof value === "symbol" ? 8 * WORD : 0;
}

function objectBytes(value: object, parts: unknown[]): number {
  if (Array.isArray(value)) return arrayBytes(value, parts);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return 25 * WORD + value.byteLength;
  if (value instanceof Date) return 13 * WORD;
  if (value instanceof Map || value instanceof Set) return collectionBytes(value, parts);
  let bytes = HEADER;
  for (const name in value) {
    if (!Object.hasOwn(value, name)) continue;
    bytes += WORD;
    parts.push((value as Record<string, unknown>)[name]);
  }
  // An empty object has room for four properties.
  return bytes === HEADER ? HEADER + 4 * WORD : bytes;
}

function arrayBytes(value: readonly unknown[], parts: unknown[]): number {
  if (value.length > MAX_PARTS) return Infinity;
  for (const part of value) parts.push(part);
  return HEADER + 3 * WORD + value.length * WORD;
}

function collectionBytes(value: Map<unknown, unknown> | Set<unknown>, parts: unknown[]): number {
  for (const [key, part] of value.entries()) {
    parts.push(key);
    if (part !== key) parts.push(part);
  }
  // Tables double, so on average a quarter of the slots is empty.
  return 20 * WORD + value.size * 6 * WORD;
}
