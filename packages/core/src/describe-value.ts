import { isSecretName, maskSecrets } from "./mask-secrets.js";

const MAX_LENGTH = 80;

/**
 * Formats a value for an error message: short, on one line, without secrets. Fields with the names of secrets, credentials in
 * URLs and strings that look like keys are masked; of an instance of a class, such as a client, only the class is named.
 * Never throws.
 */
export function describeValue(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return `${value}n`;
  if (value === undefined || typeof value === "number" || typeof value === "symbol") return String(value);
  if (typeof value === "string" && looksLikeKey(value)) return describeHidden(value);
  let json: string;
  try {
    const name = classNameOf(value);
    json = name === undefined ? (JSON.stringify(value, masked) ?? typeof value) : `an instance of ${name}`;
  } catch {
    // A cycle or a throwing toJSON: only the type is left to show.
    json = Object.prototype.toString.call(value);
  }
  return json.length > MAX_LENGTH ? `${json.slice(0, MAX_LENGTH)}…` : json;
}

/** Describes a value that must not be shown: its type, and the length of a string. */
export function describeHidden(value: unknown): string {
  if (typeof value === "string") return `a string of ${value.length} characters`;
  return typeof value === "object" && value !== null ? "an object" : describeValue(value);
}

/** Called by JSON.stringify for every member, with the object that has it. */
function masked(this: unknown, key: string, shown: unknown): unknown {
  // Before `toJSON`, which prints the bytes of a Buffer.
  const value = (this as Readonly<Record<string, unknown>>)[key];
  if (key !== "" && value !== undefined && value !== null && isSecretName(key)) return "***";
  if (typeof value === "string") return looksLikeKey(value) ? "***" : maskSecrets(value.slice(0, 10 * MAX_LENGTH));
  const name = classNameOf(value);
  return name === undefined ? shown : `[${name}]`;
}

/** Classes whose values are no more than a string. */
const PLAIN_VALUES: ReadonlySet<string> = new Set(["Date", "RegExp", "String", "Number", "Boolean"]);

/** The class of an object; `undefined` for a list, for an object without a class, and for values that print as a string. */
function classNameOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Of another realm too: the prototype of a plain object has none itself.
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return undefined;
  const { constructor } = value as { readonly constructor?: { readonly name?: unknown } };
  const name = typeof constructor?.name === "string" && constructor.name !== "" ? constructor.name : "a class";
  return PLAIN_VALUES.has(name) ? undefined : name;
}

/** Keys and tokens are long, have no blanks, and mix digits and letters. */
const KEY = /^(?=.*\d)(?=.*[a-z])[\w+/=.~!@#$%^&*-]{24,}$/i;

const looksLikeKey = (text: string): boolean => KEY.test(text) && !text.includes("://") && !text.includes("/");
