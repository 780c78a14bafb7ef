import { InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { z } from "zod";
import type { FlagSettings } from "./settings.js";

/** Longest prefix of a problem list that an error shows. */
const MAX_PROBLEMS = 3;
const MAX_DEPTH = 32;

const id = z.string().min(1).max(1024);
const list = z.array(id);
const date = z.iso.datetime({ offset: true, error: "expected an ISO date-time with a zone" });
const percent = z
  .number()
  .min(0)
  .max(100)
  // Steps of 0.001, within the rounding of a decimal fraction.
  .refine((value) => Math.abs(value * 1000 - Math.round(value * 1000)) < 1e-6, "expected steps of 0.001");
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const attribute = z.string().min(1).max(100);

const condition = z.discriminatedUnion("op", [
  z.strictObject({ attribute, op: z.enum(["in", "not-in"]), values: z.array(scalar) }),
  z.strictObject({ attribute, op: z.enum(["starts-with", "ends-with"]), values: z.array(z.string().min(1)) }),
  z.strictObject({ attribute, op: z.enum(["at-least", "at-most"]), value: z.number() }),
]);

const ramp = z
  .array(z.strictObject({ at: date, percent }))
  .min(1)
  .refine(isGrowing, "expected points in order of time whose percentage never falls");

const rule = z.strictObject({
  id: z.string().min(1).max(100).optional(),
  plans: list.optional(),
  tenants: list.optional(),
  users: list.optional(),
  where: z.array(condition).optional(),
  from: date.optional(),
  until: date.optional(),
  percent: z.union([percent, ramp]).optional(),
  by: z.union([z.enum(["tenant", "user"]), z.strictObject({ attribute })]).optional(),
  value: z.unknown().optional(),
  variants: z
    .array(z.strictObject({ name: z.string().min(1).max(100), weight: z.number().positive(), value: z.unknown() }))
    .min(1)
    .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, "expected different names")
    .optional(),
});

const lists = { tenants: list.optional(), users: list.optional() };

const settingsSchema = z.strictObject({
  killed: z.boolean().optional(),
  requires: z.array(z.strictObject({ flag: z.string(), is: z.unknown().optional() })).optional(),
  deny: z.strictObject(lists).optional(),
  allow: z.strictObject({ ...lists, value: z.unknown().optional() }).optional(),
  rules: z.array(rule).optional(),
  salt: z.string().min(1).max(1024).optional(),
});

const documentSchema = z.strictObject({ flags: z.record(z.string(), settingsSchema) });

/**
 * Parses the text of a document. The whole document is refused for one wrong entry, so that no half of a change is in force.
 * @throws {InputError} for a document that is too long, no JSON, or has an unknown member or operator, or a `__proto__`
 */
export function parseDocument(text: string, maxBytes: number): ReadonlyMap<string, FlagSettings> {
  // A string has at least as many bytes as units.
  if (text.length > maxBytes || Buffer.byteLength(text) > maxBytes) {
    throw new InputError(`expected a flag document of at most ${maxBytes} bytes, got ${Buffer.byteLength(text)}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new InputError(`expected a flag document in JSON, got ${describeValue(text)}`, { cause });
  }
  refuseDangerous(value);
  const parsed = documentSchema.safeParse(value);
  if (!parsed.success) throw new InputError(describeProblems(parsed.error), { cause: parsed.error });
  return new Map(Object.entries(parsed.data.flags as Record<string, FlagSettings>));
}

/** The inverse of `parseDocument`. */
export function documentText(flags: ReadonlyMap<string, FlagSettings>): string {
  return JSON.stringify({ flags: Object.fromEntries(flags) });
}

/** Walks with a list instead of recursion: the nesting of the input must not exhaust the stack. */
function refuseDangerous(root: unknown): void {
  const open: { value: unknown; depth: number }[] = [{ value: root, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    if (typeof value !== "object" || value === null) continue;
    if (depth > MAX_DEPTH) throw new InputError(`expected a flag document nested at most ${MAX_DEPTH} deep, got more`);
    if (Object.hasOwn(value, "__proto__"))
      throw new InputError("expected no member __proto__ in a flag document, got one");
    for (const each of Object.values(value)) open.push({ value: each, depth: depth + 1 });
  }
}

function isGrowing(points: readonly { at: string; percent: number }[]): boolean {
  return points.every((point, i) => {
    const before = points[i - 1];
    return before === undefined || (Date.parse(before.at) < Date.parse(point.at) && before.percent <= point.percent);
  });
}

function describeProblems(error: z.ZodError): string {
  const shown = error.issues
    .slice(0, MAX_PROBLEMS)
    .map(({ path, message }) => `${path.join(".") || "document"}: ${message}`);
  const more = error.issues.length - shown.length;
  return `expected a valid flag document, got ${shown.join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}
