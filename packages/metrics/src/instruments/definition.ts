import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";

export type MetricType = "counter" | "gauge" | "histogram";
export type LabelValue = string | number | boolean;
/** Values of the labels that a metric declares, each of them present. */
export type Labels<Name extends string> = Readonly<Record<Name, LabelValue>>;

export interface MetricOptions<Name extends string = string> {
  /** Name in the exposition: letters, digits and `_`. Counters end with `_total`, and units are part of the name. */
  readonly name: string;
  /** One sentence about the value. */
  readonly help: string;
  /** Unit in the plural, as OpenMetrics has it: `seconds`, `bytes`. The name ends with it, before `_total`. */
  readonly unit?: string;
  /** Names of the labels besides `tenant`. */
  readonly labels?: readonly Name[];
}

/** Values up to it count as zero, unless a histogram says something else. */
export const DEFAULT_SMALLEST: number = 2 ** -15;

export interface HistogramOptions<Name extends string = string> extends MetricOptions<Name> {
  /**
   * Values up to it count as zero. The range ends 22.75 powers of two above it; greater values count in its last bucket.
   * @default 2 ** -15, about 31 microseconds when the unit is seconds
   */
  readonly smallest?: number;
  /**
   * Upper bounds of the buckets of the text formats, rising. Each moves up to the next bound of the grid, 9 % at the most:
   * powers of two are on it.
   * @default twelve powers of two from 2 ** -8 (4 ms) to 8 (s), from the smallest value on for another `smallest`
   */
  readonly buckets?: readonly number[];
}

export interface Definition {
  readonly type: MetricType;
  readonly name: string;
  readonly help: string;
  readonly unit: string | undefined;
  readonly labelNames: readonly string[];
  readonly perTenant: boolean;
}

const RESERVED = new Set(["tenant", "part", "le", "quantile"]);

/** @throws {ConfigError} with the name of the wrong option */
export function defineMetric(type: MetricType, perTenant: boolean, options: MetricOptions): Definition {
  const { name, help, unit, labels = [] } = options;
  const fail = (expected: string, got: unknown): never => {
    throw new ConfigError(`metric ${describeValue(name)}: expected ${expected}, got ${describeValue(got)}`);
  };
  if (typeof name !== "string" || !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) fail("a name of letters, digits and _", name);
  if (type === "counter" && !name.endsWith("_total")) fail("the name of a counter to end with _total", name);
  if (type !== "counter" && /_(?:total|bucket|count|sum|created|info)$/.test(name))
    fail("a name without a suffix of the exposition format", name);
  if (typeof help !== "string" || help === "") fail("help, one sentence", help);
  if (unit !== undefined && !name.replace(/_total$/, "").endsWith(`_${unit}`))
    fail(`a name that ends with _${unit}`, name);
  for (const label of labels) {
    if (!/^[a-zA-Z][a-zA-Z0-9_]*$/.test(label) || RESERVED.has(label))
      fail(`labels of letters, digits and _, none of them ${[...RESERVED].join(", ")}`, label);
  }
  if (new Set(labels).size < labels.length) fail("labels with different names", labels);
  return { type, name, help, unit, labelNames: [...labels], perTenant };
}
