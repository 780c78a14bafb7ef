import { InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { PayloadTooLarge } from "../errors.js";
import { findNonJson } from "./json-safety.js";
import type { ResolvedTopic } from "./registry.js";
import { describeSchemaIssues } from "./standard-schema.js";

/**
 * Checks data with the topic's schema and writes the body of its event: `{"topic":…,"data":…}`.
 * JSON escapes every control character, so that no topic and no data can end a line of the stream.
 * @throws {InputError} for data that the schema refuses, or that JSON would change
 * @throws {PayloadTooLarge} for a body of more than `maxBytes`
 */
export function encodeEvent(topic: ResolvedTopic, data: unknown, maxBytes: number): string | Promise<string> {
  const result = topic.definition.schema?.["~standard"].validate(data);
  if (result === undefined) return encodeBody(topic, data, maxBytes);
  const accept = (checked: Awaited<typeof result>): string => {
    if (checked.issues !== undefined)
      throw new InputError(`publish: ${describeValue(topic.name)}: ${describeSchemaIssues(checked.issues)}`);
    return encodeBody(topic, checked.value, maxBytes);
  };
  return result instanceof Promise ? result.then(accept) : accept(result);
}

/** `encodeEvent` for data that the schema has checked already. */
export function encodeBody({ name }: ResolvedTopic, data: unknown, maxBytes: number): string {
  const found = findNonJson(data);
  if (found !== undefined) {
    throw new InputError(
      `publish: ${describeValue(name)}: expected data that JSON keeps unchanged, got data in which ${found}`,
    );
  }
  const body = `{"topic":${JSON.stringify(name)},"data":${JSON.stringify(data)}}`;
  const bytes = Buffer.byteLength(body);
  if (bytes > maxBytes) throw new PayloadTooLarge(name, bytes, maxBytes);
  return body;
}
