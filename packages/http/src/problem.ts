import { isScaleError } from "@scale/core";
import type { Reply } from "./types.js";

/** Members of a problem document. Every further member is an extension and part of the body. */
export interface Problem {
  /** URI of the kind of problem. Absent if `title` and `status` are enough. */
  type?: string;
  /** Short title, the same for every problem of this kind. */
  title: string;
  status: number;
  /** Explanation for this request. The client sees it. */
  detail?: string;
  /** Stable code for programs: `SCALE_TENANT`. */
  code?: string;
  /** Headers of the response; not part of the body. */
  headers?: Readonly<Record<string, string>>;
  [extension: string]: unknown;
}

/**
 * Builds a reply with a problem document that caches must not store.
 * Source: RFC 9457.
 */
export function problem({ type, title, status, detail, code, headers, ...extensions }: Problem): Reply {
  return {
    status,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store", ...headers },
    // JSON leaves out undefined members. The order is fixed, because clients may compare the text.
    body: { type, title, status, detail, code, ...extensions },
  };
}

// Responses by status. Without a `detail` the client gets the message of the error: safe for 400, 401, 409 and 413 only.
const PROBLEMS: ReadonlyMap<unknown, Pick<Problem, "title" | "detail" | "headers">> = new Map([
  [400, { title: "Bad Request" }],
  [401, { title: "Unauthorized", headers: { "www-authenticate": 'Bearer error="invalid_token"' } }],
  [402, { title: "Payment Required", detail: "The plan of the tenant does not cover this request." }],
  [403, { title: "Forbidden", detail: "The plan of the tenant does not cover this request." }],
  [409, { title: "Conflict" }],
  [413, { title: "Content Too Large" }],
  [
    429,
    {
      title: "Too Many Requests",
      detail: "The tenant asks for more than it may at the moment. Try again later.",
      headers: { "retry-after": "1" },
    },
  ],
  [
    503,
    {
      title: "Service Unavailable",
      detail: "This request cannot be answered at the moment.",
      // When the backend recovers is not known: clients come back once a second instead of at once.
      headers: { "retry-after": "1" },
    },
  ],
]);

/**
 * Builds the problem for an error of a `@scale` package: 400, 401, 409 and 413 with the message of the error, 402 and 403 for a
 * plan that does not allow the request, 429 with `Retry-After: 1` for a limit of the tenant, and 503 with `Retry-After: 1`, without the message, for a backend that did not answer.
 * Members of the error's own `problem` object are added.
 * @returns `undefined` for every other error: the application answers it
 */
export function problemFromError(error: unknown): Reply | undefined {
  if (!isScaleError(error)) return undefined;
  const { code, message } = error;
  const status = code === "SCALE_STORE" || code === "SCALE_TIMEOUT" ? 503 : statusOf(error);
  const members = PROBLEMS.get(status);
  return members && problem({ detail: message, ...members, ...problemMembersOf(error), status: Number(status), code });
}

/** Members that an error adds to its problem: `detail`, which replaces ours, and extensions. */
function problemMembersOf(error: object): Partial<Problem> {
  return "problem" in error && typeof error.problem === "object" && error.problem !== null ? error.problem : {};
}

// Not by class: errors of a second copy of the library have a status too.
const statusOf = (error: object): unknown => ("status" in error ? error.status : undefined);
