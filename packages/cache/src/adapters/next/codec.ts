import type { Codec } from "../../definition/codec.js";

/**
 * Values of Next as text, of the same types when they come back: what JSON has, and besides it `undefined`, all numbers,
 * `Buffer`, `Uint8Array`, `Map` and `Date`. What JSON has not is `{"$": [kind, …]}`.
 */
export const nextCodec: Codec<unknown> = {
  encode: (value) => JSON.stringify(toJson(value)),
  decode: (text) => fromJson(JSON.parse(text)),
};

const MARK = "$";
const marked = (...content: unknown[]): unknown => ({ [MARK]: content });

/** @throws {TypeError} for what would come back as something else */
function toJson(value: unknown): unknown {
  if (value === undefined) return marked("u");
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") {
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : marked("n", Object.is(value, -0) ? "-0" : `${value}`);
  }
  if (typeof value !== "object") throw new TypeError(`a ${typeof value} cannot be kept`);
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
    throw new TypeError(`a ${value.constructor.name} cannot be kept`);
  const entries = Object.entries(value).map(([key, each]): [string, unknown] => [key, toJson(each)]);
  return Object.hasOwn(value, MARK) || Object.hasOwn(value, "__proto__")
    ? marked("o", entries)
    : Object.fromEntries(entries);
}

const base64Of = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");

/** @throws {TypeError} for what `toJson` cannot have made */
function fromJson(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(fromJson);
  const content: unknown = (value as Record<string, unknown>)[MARK];
  if (content === undefined) return objectOf(Object.entries(value));
  if (!Array.isArray(content)) throw new TypeError("it is not of this codec");
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
  throw new TypeError("it is not of this codec");
}

function pairsOf(data: unknown): readonly (readonly [unknown, unknown])[] {
  if (Array.isArray(data) && data.every((each) => Array.isArray(each) && each.length === 2)) return data;
  throw new TypeError("it is not of this codec");
}

/** A property `__proto__` is a trap for whoever copies the value. */
function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  if (entries.some(([key]) => key === "__proto__")) throw new TypeError("it has a property __proto__");
  return Object.fromEntries(entries.map(([key, each]) => [key, fromJson(each)]));
}
