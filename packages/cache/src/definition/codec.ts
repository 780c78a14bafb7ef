import { ConfigError } from "@scale/core";
import { findNonJson } from "./json-safety.js";

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
  const parse = schema === undefined ? (value: unknown) => value : parserOf(schema);
  if (codec !== undefined) {
    const { encode, decode } = codec as Codec<unknown>;
    return { serialize: encode, deserialize: (text) => parse(decode(text)) };
  }
  return {
    serialize(value) {
      if (schema === undefined) assertJson(name, value);
      const text: unknown = JSON.stringify(value);
      if (typeof text === "string") return text;
      throw new ConfigError(
        `cache ${name}: expected a value that JSON can hold, got a ${typeof value}: set format.codec`,
      );
    },
    deserialize: (text) => parse(parseJson(text)),
  };
}

function assertJson(name: string, value: unknown): void {
  let found: string | undefined;
  try {
    found = findNonJson(value);
  } catch (cause) {
    // Only the depth of a value can make it fail.
    throw new ConfigError(`cache ${name}: the value refers to itself, or is nested too deeply`, { cause });
  }
  if (found === undefined) return;
  throw new ConfigError(`cache ${name}: in the value ${found}, which JSON changes: define a schema or a codec`);
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
