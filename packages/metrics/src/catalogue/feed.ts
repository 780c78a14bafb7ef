import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { LabelValue } from "../instruments/definition.js";
import { familyOf } from "../instruments/family-of.js";
import type { Registry } from "../instruments/registry.js";
import {
  CounterSeries,
  GaugeSeries,
  HistogramSeries,
  TenantCounterSeries,
  TenantHistogramSeries,
} from "../instruments/series.js";
import { type CatalogueRow, isMessage, type Message, textOf } from "./row.js";

type AnySeries = CounterSeries | TenantCounterSeries | GaugeSeries | HistogramSeries | TenantHistogramSeries;
type Recorder = (message: Message) => void;

/** Defines the metrics of the catalogue. */
export function defineCatalogue(registry: Registry, rows: readonly CatalogueRow[]): void {
  for (const { type, perTenant = false, from: _from, read: _read, ...options } of rows) {
    if (type === "histogram") void (perTenant ? registry.tenantHistogram(options) : registry.histogram(options));
    else if (type === "gauge") registry.gauge(options);
    else void (perTenant ? registry.tenantCounter(options) : registry.counter(options));
  }
}

/**
 * Subscribes to every channel of the catalogue. A message that cannot be recorded is left out: an error in a subscriber would
 * be an uncaught exception of the process that publishes.
 * @returns a function that ends every subscription
 */
export function feedCatalogue(
  registry: Registry,
  rows: readonly CatalogueRow[],
  onFail: (source: string, error: unknown) => void,
): () => void {
  const channels = new Set(rows.map(({ from }) => from).filter((from) => from.startsWith("scale:")));
  const ends = [...channels].map((channel) => {
    const recorders = rows.filter(({ from }) => from === channel).map((row) => recorderOf(registry, row));
    const listener = (message: unknown): void => {
      try {
        if (isMessage(message)) for (const record of recorders) record(message);
      } catch (error) {
        onFail(channel, error);
      }
    };
    subscribe(channel, listener);
    return () => unsubscribe(channel, listener);
  });
  return () => {
    for (const end of ends) end();
  };
}

function recorderOf(registry: Registry, { name, labels = [], read }: CatalogueRow): Recorder {
  const family = familyOf<AnySeries>(registry, name);
  const fields = labels.map((label) => [label, camelCase(label)] as const);
  return (message) => {
    const reading = read === undefined ? {} : read(message);
    if (family === undefined || reading === undefined) return;
    const values: Record<string, LabelValue> = {};
    for (const [label, field] of fields) values[label] = reading.labels?.[label] ?? textOf(message, field);
    const tenantId = "tenantId" in reading ? reading.tenantId : textOf(message, "tenantId");
    apply(family.bind(values), tenantId, reading.value);
  };
}

function apply(series: AnySeries, tenantId: string | undefined, value = 1): void {
  if (series instanceof CounterSeries) series.inc(value);
  else if (series instanceof TenantCounterSeries) series.inc(tenantId, value);
  else if (series instanceof GaugeSeries) series.set(value);
  else if (series instanceof HistogramSeries) series.observe(value);
  else series.observe(tenantId, value);
}

const camelCase = (label: string): string => label.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
