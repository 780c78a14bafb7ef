import type { CompiledRule } from "../document/compiled.js";
import type { FlagSubject } from "../types.js";

/** The part of a subject that a percentage or variants go by; `undefined` when the subject lacks it. */
export function subjectKey(by: CompiledRule["by"], subject: FlagSubject): string | undefined {
  if (by === "tenant") return subject.tenantId;
  if (by === "user") return subject.userId;
  const value = attributeOf(subject, by.attribute);
  return value === undefined ? undefined : String(value);
}

/** An attribute that the subject itself has: names come from documents, and `constructor` is one of every object. */
export function attributeOf(subject: FlagSubject, name: string): string | number | boolean | undefined {
  const { attributes } = subject;
  return attributes !== undefined && Object.hasOwn(attributes, name) ? attributes[name] : undefined;
}
