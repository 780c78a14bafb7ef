import type { HistogramOptions, MetricType } from "../instruments/definition.js";

/** A message of a `scale:*` channel. Its publisher may be another version: every field is checked where it is read. */
export type Message = Readonly<Record<string, unknown>>;

/** The amount that one message adds to a metric, and its labels. */
export interface Reading {
  /** Values of the labels that are not fields of the message, by label. */
  readonly labels?: Readonly<Record<string, string | number | boolean>>;
  /** Amount of a counter, level of a gauge, or value of a histogram. @default 1 */
  readonly value?: number;
  /** Tenant, when it is not the field `tenantId`. */
  readonly tenantId?: string | undefined;
}

/** One metric of the catalogue. */
export interface CatalogueRow extends Omit<HistogramOptions, "labels"> {
  readonly type: MetricType;
  readonly labels?: readonly string[];
  /** True for a metric with the label `tenant`. */
  readonly perTenant?: boolean;
  /** The channel that feeds it, or the function of ours that does. */
  readonly from: string;
  /**
   * Reads a message; `undefined` leaves it out. Labels that it does not return are the fields of the message with the name of
   * the label, in camel case.
   * @default every message counts 1
   */
  readonly read?: (message: Message) => Reading | undefined;
}

type RowRest = Omit<CatalogueRow, "type" | "name" | "help" | "from">;

/** A counter that a channel feeds. */
// oxlint-disable-next-line max-params -- a table reads better in columns
export const counter = (name: string, from: string, help: string, rest: RowRest = {}): CatalogueRow => ({
  ...{ type: "counter", name, from, help },
  ...rest,
});

/** A counter with the label `tenant`. */
// oxlint-disable-next-line max-params -- a table reads better in columns
export const tenantCounter = (name: string, from: string, help: string, rest: RowRest = {}): CatalogueRow => ({
  ...{ type: "counter", name, from, help, perTenant: true },
  ...rest,
});

// oxlint-disable-next-line max-params -- a table reads better in columns
export const gauge = (name: string, from: string, help: string, rest: RowRest = {}): CatalogueRow => ({
  ...{ type: "gauge", name, from, help },
  ...rest,
});

/** A histogram in seconds. */
// oxlint-disable-next-line max-params -- a table reads better in columns
export const seconds = (name: string, from: string, help: string, rest: RowRest = {}): CatalogueRow => ({
  ...{ type: "histogram", name, from, help, unit: "seconds" },
  ...rest,
});

/** A field as a string; "" when it is missing. */
export const textOf = (message: Message, field: string): string => {
  const value = message[field];
  return typeof value === "string"
    ? value
    : typeof value === "number" || typeof value === "boolean"
      ? String(value)
      : "";
};

/** A field as a number; `undefined` when it is none. */
export const numberOf = (message: Message, field: string): number | undefined => {
  const value = message[field];
  return typeof value === "number" ? value : undefined;
};

/** A field in milliseconds as a reading in seconds. */
export const secondsOf =
  (field: string) =>
  (message: Message): Reading | undefined => {
    const value = numberOf(message, field);
    return value === undefined ? undefined : { value: value / 1000 };
  };

export const isMessage = (value: unknown): value is Message => typeof value === "object" && value !== null;
