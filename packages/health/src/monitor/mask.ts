import { maskSecrets } from "@scale/core/kit";

const MAX_LENGTH = 300;

// oxlint-disable-next-line no-control-regex -- they would break a line of a log or of a terminal
const BLANKS = /[\s\u0000-\u001f\u007f-\u009f]+/g;

const LONE_SURROGATE = /\p{Surrogate}/gu;

/** Makes a string safe to show: credentials of connection strings masked, on one line, at most 300 characters. */
export function maskText(text: string): string {
  const safe = maskSecrets(text.slice(0, 10 * MAX_LENGTH))
    .replaceAll(BLANKS, " ")
    .trim();
  const short = safe.length > MAX_LENGTH ? `${safe.slice(0, MAX_LENGTH)}…` : safe;
  return short.replaceAll(LONE_SURROGATE, "\ufffd");
}

/** Describes what a check threw, whatever it is: its message, with its code if the message does not have it. Never throws. */
export function describeFailure(error: unknown): string {
  try {
    return maskText(textOf(error)) || "failed without a message";
  } catch {
    return "failed with a value that cannot be described";
  }
}

function textOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return `threw ${String(error)}`;
  const message = "message" in error && typeof error.message === "string" ? error.message : "";
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (message !== "") return code === "" || message.includes(code) ? message : `${code}: ${message}`;
  // A connection that was refused on IPv4 and on IPv6 is one error without a message, with two inside.
  if ("errors" in error && Array.isArray(error.errors) && error.errors.length > 0) {
    return [...new Set(error.errors.slice(0, 4).map((inner: unknown) => textOf(inner)))].join("; ");
  }
  return code || ("name" in error && typeof error.name === "string" ? error.name : "threw an object without a message");
}
