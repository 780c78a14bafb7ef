import { InputError } from "@scale/core";
import { z } from "zod";

/** @throws {InputError} that names every wrong field; its message is safe to show */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join(".") || "input"}: ${message}`);
  throw new InputError(problems.join("; "), { cause: result.error });
}

// Postgres stores no NUL in a text: without the check a client could turn it into a 500.
// oxlint-disable-next-line no-control-regex -- NUL is the point
const STORABLE = /^[^\u0000]*$/;

export const boundedText = (maxLength: number): z.ZodString =>
  z.string().trim().min(1).max(maxLength).regex(STORABLE, "expected text without NUL");

export const rowId: z.ZodInt = z.int().min(1);

export const amountCents: z.ZodInt = z.int().min(0);

// JavaScript's calendar has a year 0, that of Postgres has none.
export const isoDate = z.iso.date().refine((value) => value >= "1900", "expected a day since 1900");

/** A whole number in a path or a query, where everything is text. */
export const integerParam = (schema: z.ZodInt) =>
  z
    .string()
    .regex(/^\d{1,15}$/, "expected a whole number")
    .transform(Number)
    .pipe(schema);
