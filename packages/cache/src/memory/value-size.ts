// Bytes on the heap of 64-bit Node, where a reference takes 8. `JSON.parse` makes objects with room for just their properties.
const WORD = 8;
const OBJECT = 3 * WORD;
/** An object without properties has room for four. */
const EMPTY_OBJECT = OBJECT + 4 * WORD;
const ARRAY = 6 * WORD;
const STRING = 2 * WORD;
const BOXED_NUMBER = 2 * WORD;
const DATE = 13 * WORD;
const BUFFER = 25 * WORD;
/** Per property of an object that is a table: name, value and details, in a table of which about half is empty. */
const TABLE_ENTRY = 6 * WORD;
const TABLE_PROPERTIES = 128;

/**
 * Objects whose names are ids share their names and their shape with no other object. From this many properties on, a first
 * and a last name with one of these characters are taken for ids.
 */
const ID_PROPERTIES = 4;
const ID = /[\d@/]/;
/** Per property of such an object: a step of its shape. */
const ID_ENTRY = 9 * WORD;

/** Strings up to this length are often shared: `JSON.parse` keeps one copy of those that it has seen. */
const SHARED_LENGTH = 10;
/** Strings from this length are searched for characters that need two bytes; the search costs more than shorter ones matter. */
const SEARCHED_LENGTH = 64;

/** Parts that are looked at in a whole value, and in one array, one table, one map or one set. */
const MAX_PARTS = 2000;
const SAMPLES = 32;
/** A value that is nested deeper counts as the densest value with its characters, `[[[…]]]`. */
const MAX_DEPTH = 200;
const DENSEST = 28;
/** No value takes less for each character of its JSON, but for one with long names of properties. */
const SPARSEST = 0.5;

/**
 * Estimates the bytes of a value, within a factor of two for what JSON can hold, dates, maps, sets and buffers. The length of
 * its JSON alone is no measure: an array of empty objects takes twenty times that. Equal parts of a long list are alike in
 * most values, so 32 of them stand for all. A part that is referred to twice counts twice.
 * @param chars length of the serialized value
 */
export function valueBytes(value: unknown, chars: number): number {
  const walk: Walk = { partsLeft: MAX_PARTS, isTooDeep: false };
  let bytes = 0;
  try {
    bytes = partBytes(walk, value, 0);
  } catch {
    // A property of the application's own class may throw.
    walk.isTooDeep = true;
  }
  return Math.ceil(walk.isTooDeep ? DENSEST * chars : Math.max(bytes, SPARSEST * chars));
}

interface Walk {
  partsLeft: number;
  isTooDeep: boolean;
}

/** The bytes of a part, beside the reference to it. */
function partBytes(walk: Walk, value: unknown, depth: number): number {
  walk.partsLeft--;
  if (typeof value === "string") return textBytes(value);
  if (typeof value === "number") return isSmall(value) ? 0 : BOXED_NUMBER;
  if (typeof value !== "object" || value === null) return typeof value === "bigint" ? OBJECT + bigIntBytes(value) : 0;
  if (depth < MAX_DEPTH) return objectBytes(walk, value, depth + 1);
  walk.isTooDeep = true;
  return 0;
}

/** True for an integer that is stored in its reference. */
const isSmall = (value: number): boolean => (value | 0) === value;

function textBytes(text: string): number {
  const { length } = text;
  if (length <= SHARED_LENGTH) return length < 2 ? 0 : WORD;
  if (length < SEARCHED_LENGTH || Buffer.byteLength(text) === length) return STRING + length;
  return STRING + 2 * length;
}

const bigIntBytes = (value: bigint): number => value.toString(16).length / 2;

function objectBytes(walk: Walk, value: object, depth: number): number {
  if (Array.isArray(value)) return arrayBytes(walk, value, depth);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return BUFFER + value.byteLength;
  if (value instanceof Map) return mapBytes(walk, value, depth);
  if (value instanceof Set) return setBytes(walk, value, depth);
  if (value instanceof Date) return DATE;
  let properties = 0;
  let bytes = 0;
  let first = "";
  let last = "";
  for (const name in value) {
    if (properties === TABLE_PROPERTIES) return tableBytes(walk, value, depth);
    if (properties > 0 && walk.partsLeft <= 0) {
      const all = Object.keys(value).length;
      return OBJECT + all * (WORD + bytes / properties);
    }
    properties++;
    if (properties === 1) first = name;
    last = name;
    bytes += partBytes(walk, (value as Record<string, unknown>)[name], depth);
  }
  if (properties === 0) return EMPTY_OBJECT;
  const hasIds = properties >= ID_PROPERTIES && ID.test(first) && ID.test(last);
  return OBJECT + properties * (hasIds ? ID_ENTRY + STRING + last.length : WORD) + bytes;
}

/** An object with many properties: its names are ids, which it shares with no other object. */
function tableBytes(walk: Walk, value: object, depth: number): number {
  const names = Object.keys(value);
  const parts = sampledBytes(names.length, walk, (i) => {
    const name = names[i] as string;
    return STRING + name.length + partBytes(walk, (value as Record<string, unknown>)[name], depth);
  });
  return OBJECT + names.length * TABLE_ENTRY + parts;
}

function arrayBytes(walk: Walk, value: readonly unknown[], depth: number): number {
  let boxed = 0;
  let numbers = 0;
  const parts = sampledBytes(value.length, walk, (i) => {
    // An element access would, once optimized, turn an array of numbers into one of references, which takes three times as much.
    const part: unknown = Reflect.get(value, i);
    const bytes = partBytes(walk, part, depth);
    if (typeof part !== "number") return bytes;
    numbers++;
    boxed += bytes;
    return 0;
  });
  const looked = Math.max(1, Math.min(value.length, SAMPLES));
  // An array of numbers alone has them in place of references.
  const all = numbers === looked ? 0 : (boxed * value.length) / looked;
  return ARRAY + value.length * WORD + parts + all;
}

function mapBytes(walk: Walk, value: ReadonlyMap<unknown, unknown>, depth: number): number {
  const entries = firstOf(value.entries());
  const parts = entries.reduce(
    (bytes, [key, part]) => bytes + partBytes(walk, key, depth) + partBytes(walk, part, depth),
    0,
  );
  return collectionBytes(value.size, 3) + (parts * value.size) / Math.max(1, entries.length);
}

function setBytes(walk: Walk, value: ReadonlySet<unknown>, depth: number): number {
  const members = firstOf(value.values());
  const parts = members.reduce<number>((bytes, member) => bytes + partBytes(walk, member, depth), 0);
  return collectionBytes(value.size, 2) + (parts * value.size) / Math.max(1, members.length);
}

/** A hash table of a power of two entries, each with `words` words and half a bucket. */
function collectionBytes(size: number, words: number): number {
  const capacity = 2 ** Math.ceil(Math.log2(Math.max(4, size)));
  return 8 * WORD + capacity * (words + 0.5) * WORD;
}

/** The first members of a collection: iteration is the only way to them. */
function firstOf<T>(members: Iterable<T>): T[] {
  const first: T[] = [];
  for (const member of members) {
    first.push(member);
    if (first.length === SAMPLES) break;
  }
  return first;
}

/** The bytes of all parts of a list, by parts that are spread over it. */
function sampledBytes(length: number, walk: Walk, bytesOf: (index: number) => number): number {
  const wanted = Math.min(length, SAMPLES);
  let bytes = 0;
  let looked = 0;
  for (; looked < wanted && (looked === 0 || walk.partsLeft > 0); looked++) {
    bytes += bytesOf(Math.floor(((looked + 0.5) * length) / wanted));
  }
  return looked === 0 ? 0 : (bytes * length) / looked;
}
