import { describeSchemaIssues, type SchemaResult, type StandardSchema } from "./standard-schema.js";
import type { JobDefinition } from "./types.js";

export type Checked =
  | { readonly kind: "data"; readonly data: unknown }
  | { readonly kind: "invalid"; readonly message: string };

export type Decoded = Checked | { readonly kind: "newer" };

/**
 * Reads a stored payload, brings it to the version of the definition, and checks it. `newer`: it was written by a later version
 * of the code than this process runs. A migration or a schema that throws has failed, which says nothing about the payload.
 * @returns a promise only for a payload that is migrated, and for an asynchronous schema
 */
export function decodePayload(
  definition: JobDefinition,
  { payload, version }: { readonly payload: string; readonly version: number },
): Decoded | Promise<Decoded> {
  if (version > definition.version) return { kind: "newer" };
  const value: unknown = JSON.parse(payload);
  if (version === definition.version) return checkValue(definition.input, value, "data");
  return migrate(definition, value, version);
}

async function migrate(definition: JobDefinition, value: unknown, version: number): Promise<Checked> {
  let migrated = value;
  for (let from = version; from < definition.version; from++) {
    // A version without a function has the shape of the next one.
    const next = definition.migrations.get(from);
    if (next !== undefined) migrated = await next(migrated);
  }
  return checkValue(definition.input, migrated, "data");
}

/**
 * @param root name of the value in the message
 * @returns a promise only for an asynchronous schema
 */
export function checkValue(schema: StandardSchema, value: unknown, root: string): Checked | Promise<Checked> {
  const result = schema["~standard"].validate(value);
  return isPromiseLike(result) ? result.then((late) => checkedOf(late, root)) : checkedOf(result, root);
}

function checkedOf(result: SchemaResult<unknown>, root: string): Checked {
  if (result.issues === undefined) return { kind: "data", data: result.value };
  return { kind: "invalid", message: describeSchemaIssues(result.issues, root) };
}

export const isPromiseLike = <T>(value: T | Promise<T>): value is Promise<T> =>
  typeof value === "object" && value !== null && "then" in value;
