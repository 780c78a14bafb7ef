import type { Clock } from "@scale/core";
import { wellFormed } from "../tenants/tenant-label.js";
import type { LabelPairs } from "./label-text.js";

/** A value and where it came from, such as its trace. */
export interface Exemplar {
  readonly labels: LabelPairs;
  readonly value: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export type ExemplarSource = (value: number) => Exemplar | undefined;

/** OpenMetrics bounds the names and values of an exemplar's labels. */
const MAX_LENGTH = 128;

/**
 * Takes exemplars from a function of the application, such as one that returns the ids of the active span. A function that
 * throws, or returns labels that are too long, gives no exemplar: a recording never fails for it.
 */
export function exemplarSource(
  labelsOf: () => Readonly<Record<string, string>> | undefined,
  clock: Clock,
): ExemplarSource {
  return (value) => {
    const labels = labelsOrNone(labelsOf);
    return labels && { labels, value, at: clock.now() };
  };
}

function labelsOrNone(labelsOf: () => Readonly<Record<string, string>> | undefined): LabelPairs | undefined {
  let found: Readonly<Record<string, string>> | undefined;
  try {
    found = labelsOf();
  } catch {
    // The documented fallback: an exemplar is a courtesy, and the work around the recording is not.
    return undefined;
  }
  if (typeof found !== "object" || found === null) return undefined;
  const entries = Object.entries<unknown>(found).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  const pairs = entries.map(([name, value]) => [name, wellFormed(value)] as const);
  const length = pairs.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  const areNames = pairs.every(([name]) => /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name));
  return pairs.length > 0 && length <= MAX_LENGTH && areNames ? pairs : undefined;
}
