import { InputError } from "@scale/core";
import { z } from "zod";

/** Validates client input. @throws {InputError} naming every invalid field; its message is safe to show */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join(".") || "input"}: ${message}`);
  throw new InputError(problems.join("; "), { cause: result.error });
}

// Postgres rejects NUL in strings. Without this check a client could cause a 500.
// oxlint-disable-next-line no-control-regex -- NUL is the point
const STORABLE = /^[^\u0000]*$/;

export const boundedText = (maxLength: number): z.ZodString =>
  z.string().trim().min(1).max(maxLength).regex(STORABLE, "expected a string without NUL characters");

export const rowId: z.ZodInt = z.int().min(1);

export const amountCents: z.ZodInt = z.int().min(0);

// Postgres has no year 0, which JavaScript accepts.
export const isoDate = z.iso.date().refine((value) => value >= "1900", "expected a date from 1900-01-01");

/** Parses an integer from a path or query parameter. */
export const integerParam = (schema: z.ZodInt) =>
  z
    .string()
    .regex(/^\d{1,15}$/, "expected an integer >= 0")
    .transform(Number)
    .pipe(schema);
