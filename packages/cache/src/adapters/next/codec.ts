import type { Codec } from "../../definition/codec.js";

/**
 * The codec for the values of Next, which come back with the same types: the types of JSON, `undefined`, all numbers,
 * `Buffer`, `Uint8Array`, `Map` and `Date`. A type that JSON lacks is written as `{"$": [kind, …]}`.
 */
export const nextCodec: Codec<unknown> = {
  encode: (value) => JSON.stringify(toJson(value)),
  decode: (text) => fromJson(JSON.parse(text)),
};

const MARK = "$";
const marked = (...content: unknown[]): unknown => ({ [MARK]: content });

/** @throws {TypeError} for a value that would come back as another type */
function toJson(value: unknown): unknown {
  if (value === undefined) return marked("u");
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") {
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : marked("n", Object.is(value, -0) ? "-0" : `${value}`);
  }
  if (typeof value !== "object") throw new TypeError(`expected a type that the cache can store, got a ${typeof value}`);
  if (Array.isArray(value)) return value.map(toJson);
  if (value instanceof Map)
    return marked(
      "m",
      [...value].map(([key, each]) => [toJson(key), toJson(each)]),
    );
  if (value instanceof Date) return marked("d", toJson(value.getTime()));
  if (value instanceof Uint8Array) return marked(Buffer.isBuffer(value) ? "b" : "a", base64Of(value));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new TypeError(`expected a type that the cache can store, got a ${value.constructor.name}`);
  const entries = Object.entries(value).map(([key, each]): [string, unknown] => [key, toJson(each)]);
  return Object.hasOwn(value, MARK) || Object.hasOwn(value, "__proto__")
    ? marked("o", entries)
    : Object.fromEntries(entries);
}

const base64Of = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");

/** @throws {TypeError} for JSON that `toJson` cannot have written */
function fromJson(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(fromJson);
  const content: unknown = (value as Record<string, unknown>)[MARK];
  if (content === undefined) return objectOf(Object.entries(value));
  if (!Array.isArray(content)) throw notOfThisCodec();
  const [kind, data] = content as [unknown, unknown];
  return special(kind, data);
}

function special(kind: unknown, data: unknown): unknown {
  if (kind === "u") return undefined;
  if (kind === "d") return new Date(Number(fromJson(data)));
  if (typeof data === "string") {
    if (kind === "n") return Number(data);
    if (kind === "b") return Buffer.from(data, "base64");
    if (kind === "a") return Uint8Array.from(Buffer.from(data, "base64"));
  }
  if (kind === "m") return new Map(pairsOf(data).map(([key, each]) => [fromJson(key), fromJson(each)]));
  if (kind === "o") return objectOf(pairsOf(data).map(([key, each]): [string, unknown] => [String(key), each]));
  throw notOfThisCodec();
}

function pairsOf(data: unknown): readonly (readonly [unknown, unknown])[] {
  if (Array.isArray(data) && data.every((each) => Array.isArray(each) && each.length === 2)) return data;
  throw notOfThisCodec();
}

/** A property `__proto__` could replace the prototype of an object that the value is copied into. */
function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  if (entries.some(([key]) => key === "__proto__")) throw new TypeError("the value has a property __proto__");
  return Object.fromEntries(entries.map(([key, each]) => [key, fromJson(each)]));
}

const notOfThisCodec = (): TypeError => new TypeError("expected text that this codec wrote");
