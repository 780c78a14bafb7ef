import { isScaleError } from "@scale/core";
import type { Reply } from "./types.js";

/** The members of a problem. Any further member is an extension and goes into the body as it is. */
export interface Problem {
  /** A URI that names the kind of problem. Absent means that `title` and `status` say it all. */
  type?: string;
  /** Short and the same for every problem of this kind. */
  title: string;
  status: number;
  /** What happened to this request. The client sees it. */
  detail?: string;
  /** Stable, for programs: `SCALE_TENANT`. */
  code?: string;
  /** Headers of the answer; they are not part of the body. */
  headers?: Readonly<Record<string, string>>;
  [extension: string]: unknown;
}

/**
 * A reply with a problem document that no cache may keep.
 * Source: RFC 9457.
 */
export function problem({ type, title, status, detail, code, headers, ...extensions }: Problem): Reply {
  return {
    status,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store", ...headers },
    // Members that are undefined are left out when the body is written; the order is part of what clients compare.
    body: { type, title, status, detail, code, ...extensions },
  };
}

// What a client is told; without a detail it is told the error's own message, which is safe for the first two.
const ANSWERS: ReadonlyMap<unknown, Pick<Problem, "title" | "detail" | "headers">> = new Map([
  [400, { title: "Bad Request" }],
  [401, { title: "Unauthorized", headers: { "www-authenticate": 'Bearer error="invalid_token"' } }],
  [402, { title: "Payment Required", detail: "The plan of the tenant does not cover this request." }],
  [403, { title: "Forbidden", detail: "The plan of the tenant does not cover this request." }],
  [503, { title: "Service Unavailable", detail: "This request cannot be answered at the moment." }],
]);

/**
 * The problem for an error of a `@scale` package: what the client did wrong with its message (400, 401), what its plan
 * does not allow (402, 403), and a backend that did not answer (503) without it. What an error says may be told, in
 * an object `problem` of its own, is added.
 * @returns `undefined` for every other error: those are the application's
 */
export function problemFromError(error: unknown): Reply | undefined {
  if (!isScaleError(error)) return undefined;
  const { code, message } = error;
  const status = code === "SCALE_STORE" || code === "SCALE_TIMEOUT" ? 503 : statusOf(error);
  const answer = ANSWERS.get(status);
  return answer && problem({ detail: message, ...answer, ...toldOf(error), status: Number(status), code });
}

/** The members that an error has for its problem: `detail` in place of ours, and extensions. */
function toldOf(error: object): Partial<Problem> {
  return "problem" in error && typeof error.problem === "object" && error.problem !== null ? error.problem : {};
}

// By its status, not by class: an error of a second copy of the library has one as well.
const statusOf = (error: object): unknown => ("status" in error ? error.status : undefined);
