import { ConfigError } from "@scale/core";
import { findLossy } from "./json-safety.js";

/** How a value becomes text and a value again. What comes back must be of the same type. */
export interface Codec<V> {
  encode(value: V): string;
  /** @throws whatever it likes for a text that it cannot have written */
  decode(text: string): unknown;
}

/** The part of the Standard Schema that we use: zod 3.24 and later, valibot, arktype. */
export interface StandardSchema<V> {
  readonly "~standard": {
    validate(
      value: unknown,
    ): { readonly value: V; readonly issues?: undefined } | { readonly issues: readonly unknown[] } | Promise<unknown>;
  };
}

/** What a value is read through, wherever it comes from. */
export type ValueSchema<V> = { parse(value: unknown): V } | StandardSchema<V>;

/** The same way for every value: the loader's, this process's and the store's have one type. */
export interface Shape {
  /** @throws {ConfigError} for a value that would not come back as it is */
  toText(value: unknown): string;
  /** @throws for a text that is not of this shape */
  fromText(text: string): unknown;
}

export function shapeOf(
  name: string,
  schema: ValueSchema<unknown> | undefined,
  codec: Codec<never> | undefined,
): Shape {
  const parse = schema === undefined ? (value: unknown) => value : parserOf(schema);
  if (codec !== undefined) {
    const { encode, decode } = codec as Codec<unknown>;
    return { toText: encode, fromText: (text) => parse(decode(text)) };
  }
  return {
    toText(value) {
      if (schema === undefined) refuseLossy(name, value);
      const text: unknown = JSON.stringify(value);
      if (typeof text === "string") return text;
      throw new ConfigError(`cache ${name}: JSON has nothing for the value`);
    },
    fromText: (text) => parse(parseJson(text)),
  };
}

function refuseLossy(name: string, value: unknown): void {
  const found = lossyOf(name, value);
  if (found === undefined) return;
  throw new ConfigError(`cache ${name}: in the value ${found}, which JSON changes: define a schema or a codec`);
}

function lossyOf(name: string, value: unknown): string | undefined {
  try {
    return findLossy(value);
  } catch (cause) {
    // Only the depth of a value can make it fail.
    throw new ConfigError(`cache ${name}: the value refers to itself, or is nested too deeply`, { cause });
  }
}

function parserOf(schema: ValueSchema<unknown>): (value: unknown) => unknown {
  if ("parse" in schema) return (value) => schema.parse(value);
  return (value) => {
    const result = schema["~standard"].validate(value);
    if ("then" in result) throw new ConfigError("a cache needs a schema that answers at once");
    if (result.issues !== undefined) throw new TypeError(`not of the schema: ${JSON.stringify(result.issues)}`);
    return result.value;
  };
}

/** A property of that name is a trap for whoever copies the value. */
function parseJson(text: string): unknown {
  // Any letter of it may be escaped; JSON itself escapes only control characters so.
  if (!text.includes("__proto__") && !text.includes("\\u00")) return JSON.parse(text);
  return JSON.parse(text, (key, value: unknown) => {
    if (key === "__proto__") throw new TypeError("it has a property __proto__");
    return value;
  });
}
