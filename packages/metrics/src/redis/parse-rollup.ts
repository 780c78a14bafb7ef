import type { Rollup } from "../rollups/types.js";
import { CELLS, sketchRange } from "../sketch/rows.js";
import { percentilesOf } from "../summary/summary.js";

const RANGE = sketchRange(2 ** -15);

/** Reads the fields of one period; `undefined` for one without requests. Fields of a later version are ignored. */
export function parseRollup(from: number, answer: unknown): Rollup | undefined {
  const fields = fieldsOf(answer);
  const count = (field: string): number => {
    const value = Number(fields.get(field) ?? 0);
    return Number.isFinite(value) && value > 0 ? value : 0;
  };
  const requests = count("requests");
  if (requests === 0) return undefined;
  const cells = Float64Array.from({ length: CELLS }, (_, cell) => count(`c${cell}`));
  return {
    ...{ from, requests, errors: count("errors"), slow: count("slow") },
    meanMs: count("micros") / requests / 1000,
    ...percentilesOf(cells, RANGE),
  };
}

/** Clients return a hash as a list, or as an object where the application configured it so. */
function fieldsOf(answer: unknown): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  if (Array.isArray(answer))
    for (let i = 0; i + 1 < answer.length; i += 2) fields.set(String(answer[i]), String(answer[i + 1]));
  else if (answer instanceof Map) for (const [field, value] of answer) fields.set(String(field), String(value));
  else if (typeof answer === "object" && answer !== null)
    for (const [field, value] of Object.entries(answer)) fields.set(field, String(value));
  return fields;
}
