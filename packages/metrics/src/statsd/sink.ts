import { functionOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { Delta } from "../deltas/delta-reader.js";
import { repeat, type Repetition } from "../interval.js";
import type { MetricsSink } from "../sink.js";
import { quantileOf } from "../sketch/quantile.js";
import { CELLS } from "../sketch/rows.js";

/** The part of a hot-shots `StatsD` that we call. The application creates and closes it. */
export interface StatsdClient {
  increment(stat: string, value: number, tags?: Record<string, string>): void;
  gauge(stat: string, value: number, tags?: Record<string, string>): void;
}

export interface StatsdSinkOptions {
  /** `new StatsD({ host, port })` of hot-shots. Give it an `errorHandler`: StatsD is UDP, and nothing else says that it fails. */
  readonly client: StatsdClient;
  /**
   * Time between two sendings, in milliseconds.
   * @default 10000
   */
  readonly flushMs?: number;
  /** Function that returns true for the metrics to send. @default all */
  readonly filter?: (metric: string) => boolean;
}

const optionsSchema = z.strictObject({
  client: z.custom<StatsdClient>(
    (value) => typeof value === "object" && value !== null && "increment" in value && "gauge" in value,
    "expected a client of hot-shots",
  ),
  flushMs: z.number().min(10).max(3_600_000).default(10_000),
  filter: functionOption<NonNullable<StatsdSinkOptions["filter"]>>().default(() => () => true),
});

/**
 * Sends metrics to StatsD or DogStatsD, added up between two sendings: counters as counts, gauges as they are, and histograms
 * as `.count`, `.sum` and the percentiles `.p50`, `.p95`, `.p99` of the interval. Labels are tags.
 * @throws {ConfigError} with the name of the wrong option
 */
export function statsdSink(options: StatsdSinkOptions): MetricsSink {
  const { client, flushMs, filter } = parseOptions(optionsSchema, options, "statsdSink");
  let repetition: Repetition | undefined;
  return {
    name: "statsd",
    start(source) {
      const flush = async (): Promise<void> => {
        for await (const delta of source.deltas()) if (filter(delta.metric.family.definition.name)) send(client, delta);
      };
      repetition = repeat(flush, flushMs, (error) => source.fail(error));
    },
    close: async () => repetition?.close(),
  };
}

function send(client: StatsdClient, delta: Delta): void {
  const { name } = delta.metric.family.definition;
  const tags = Object.fromEntries(
    [...delta.labels, ...delta.tenantLabels].map(([label, value]) => [label, tagValue(value)]),
  );
  if (delta.kind === "amount") client.increment(name, delta.amount, tags);
  else if (delta.kind === "level") {
    if (Number.isFinite(delta.value)) client.gauge(name, delta.value, tags);
  } else if (delta.metric.kind === "sketch") {
    const counts = new Float64Array(CELLS);
    for (const [cell, count] of delta.cells) counts[cell] = count;
    client.increment(
      `${name}.count`,
      counts.reduce((sum, count) => sum + count, 0),
      tags,
    );
    client.increment(`${name}.sum`, delta.sum, tags);
    for (const [suffix, q] of PERCENTILES)
      client.gauge(`${name}.${suffix}`, quantileOf(counts, q, delta.metric.range) ?? 0, tags);
  }
}

const PERCENTILES = [
  ["p50", 0.5],
  ["p95", 0.95],
  ["p99", 0.99],
] as const;

/** Escapes what has a meaning on the wire, so that no two tenants share a tag and no id adds lines of its own. */
const tagValue = (value: string): string =>
  // oxlint-disable-next-line no-control-regex -- line feeds and the like are the point
  value.replaceAll(/[%:|,#@\u0000-\u0020\u007f]/g, (found) => `%${found.charCodeAt(0).toString(16).padStart(2, "0")}`);
