import type { StoredJob } from "../types.js";

/** Data of a job as the dashboard shows it. */
export interface ShownJob {
  readonly data: unknown;
  readonly output: unknown;
  /** Error of the last failed attempt. */
  readonly failure: { readonly message: string; readonly stack: string } | undefined;
}

export type Redact = (shown: ShownJob, job: StoredJob) => ShownJob;

/** Bounds the work for one job: data may be a megabyte of JSON. */
const MAX_DEPTH = 6;
const MAX_MEMBERS = 50;

/** Replaces every value by its type, so that the shape of the data stays visible and nothing else does. */
export function maskValues({ data, output, failure }: ShownJob): ShownJob {
  return {
    data: mask(data, 0),
    output: mask(output, 0),
    failure: failure && { message: "(masked)", stack: "" },
  };
}

function mask(value: unknown, depth: number): unknown {
  if (typeof value === "string") return `(string of ${value.length})`;
  if (value === null || value === undefined) return value;
  if (typeof value !== "object") return `(${typeof value})`;
  if (depth === MAX_DEPTH) return "(more)";
  if (Array.isArray(value)) return value.slice(0, MAX_MEMBERS).map((item) => mask(item, depth + 1));
  const members = Object.entries(value).slice(0, MAX_MEMBERS);
  return Object.fromEntries(members.map(([key, member]) => [key, mask(member, depth + 1)]));
}
