import { isDeepStrictEqual } from "node:util";
import { ConfigError } from "@scale/core";
import { parse as parseRich, stringify as stringifyRich } from "devalue";
import { findNonJson, findUnknown } from "./value-parts.js";

/** Converts values to strings and back. A decoded value must have the same type as the encoded one. */
export interface Codec<V> {
  encode(value: V): string;
  /** @throws any error for a string that `encode` cannot have written */
  decode(text: string): unknown;
}

/**
 * Parses every value, whether it comes from the loader, from this process or from the store: any object with `parse`, or a
 * Standard Schema (zod 3.24 and later, valibot, arktype).
 */
export type ValueSchema<V> =
  | { parse(value: unknown): V }
  | {
      readonly "~standard": {
        validate(
          value: unknown,
        ):
          | { readonly value: V; readonly issues?: undefined }
          | { readonly issues: readonly unknown[] }
          | Promise<unknown>;
      };
    };

/** The codec and the schema of a definition in one. All values of a definition pass through it, so that they have one type. */
export interface Serializer {
  /** @throws {ConfigError} for a value that would not come back unchanged */
  serialize(value: unknown): string;
  /** @throws for a string that does not fit the schema */
  deserialize(text: string): unknown;
}

export function serializerOf(
  name: string,
  schema: ValueSchema<unknown> | undefined,
  codec: Codec<never> | undefined,
): Serializer {
  const parse = schema === undefined ? undefined : parserOf(schema);
  const { encode, decode } = codec ?? defaultCodec(name, parse);
  return { serialize: encode, deserialize: parse === undefined ? decode : (text) => parse(decode(text)) };
}

/** First character of what `devalue` has written. */
const RICH = "~";

/** JSON for what JSON keeps. `devalue` for dates, bigints, maps, sets, `undefined`, NaN and infinite numbers. */
function defaultCodec(name: string, parse: ((value: unknown) => unknown) | undefined): Codec<unknown> {
  const decode = (text: string): unknown => (text[0] === RICH ? parseRich(text.slice(1)) : parseJson(text));
  /** True when the schema makes the value again from the text. */
  function comesBack(value: unknown, text: string): boolean {
    try {
      return parse !== undefined && isDeepStrictEqual(parse(decode(text)), value);
    } catch {
      return false;
    }
  }
  return {
    decode,
    encode(value) {
      if (boundedWalk(name, () => findNonJson(value)) === undefined) return JSON.stringify(value);
      const unknown = boundedWalk(name, () => findUnknown(value));
      const json: unknown = parse === undefined && unknown === undefined ? undefined : JSON.stringify(value);
      if (typeof json === "string" && comesBack(value, json)) return json;
      if (unknown === undefined) return RICH + stringifyRich(value);
      throw new ConfigError(
        `cache ${name}: in the value ${unknown}, which does not come back as it was: set format.codec, or a schema that makes it again`,
      );
    },
  };
}

/** Walks over a value. @throws {ConfigError} for a value that has no end, or is nested too deeply */
function boundedWalk<T>(name: string, walk: () => T): T {
  try {
    return walk();
  } catch (cause) {
    // Only the depth of a value can make it fail.
    throw new ConfigError(`cache ${name}: the value refers to itself, or is nested too deeply`, { cause });
  }
}

function parserOf(schema: ValueSchema<unknown>): (value: unknown) => unknown {
  if ("parse" in schema) return (value) => schema.parse(value);
  return (value) => {
    const result = schema["~standard"].validate(value);
    if ("then" in result) throw new ConfigError("expected a schema that validates synchronously, got a promise");
    if (result.issues !== undefined) {
      throw new TypeError(`the value does not match the schema: ${JSON.stringify(result.issues)}`);
    }
    return result.value;
  };
}

/** Rejects a property `__proto__`, which would set the prototype of a copy of the value. */
function parseJson(text: string): unknown {
  // Any letter of the name may be escaped. JSON itself escapes only control characters in that way.
  if (!text.includes("__proto__") && !text.includes("\\u00")) return JSON.parse(text);
  return JSON.parse(text, (key, value: unknown) => {
    if (key === "__proto__") throw new TypeError("it has a property __proto__");
    return value;
  });
}
