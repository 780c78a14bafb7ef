import { describeSchemaIssues, type StandardSchema } from "./standard-schema.js";
import type { JobDefinition } from "./types.js";

export type Checked =
  | { readonly kind: "data"; readonly data: unknown }
  | { readonly kind: "invalid"; readonly message: string };

/**
 * Reads a stored payload, brings it to the version of the definition, and checks it. `newer`: it was written by a later version
 * of the code than this process runs. A migration or a schema that throws has failed, which says nothing about the payload.
 */
export async function decodePayload(
  definition: JobDefinition,
  { payload, version }: { readonly payload: string; readonly version: number },
): Promise<Checked | { readonly kind: "newer" }> {
  if (version > definition.version) return { kind: "newer" };
  let migrated: unknown = JSON.parse(payload);
  for (let from = version; from < definition.version; from++) {
    // A version without a function has the shape of the next one.
    const migrate = definition.migrations.get(from);
    if (migrate !== undefined) migrated = await migrate(migrated);
  }
  return checkValue(definition.input, migrated, "data");
}

/** @param root name of the value in the message */
export async function checkValue(schema: StandardSchema, value: unknown, root: string): Promise<Checked> {
  const result = await schema["~standard"].validate(value);
  if (result.issues === undefined) return { kind: "data", data: result.value };
  return { kind: "invalid", message: describeSchemaIssues(result.issues, root) };
}
