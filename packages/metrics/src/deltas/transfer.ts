import { describeValue } from "@scale/core/kit";
import { InputError, isScaleError } from "@scale/core";
import { z } from "zod";
import { upperBound } from "../sketch/grid.js";
import type { Registry } from "../instruments/registry.js";
import {
  CounterSeries,
  type HistogramSeries,
  TenantCounterSeries,
  type TenantHistogramSeries,
} from "../instruments/series.js";
import { CELLS } from "../sketch/rows.js";
import { NO_TENANT, OTHER } from "../tenants/tenant-slots.js";
import type { Delta, DeltaReader } from "./delta-reader.js";

// Messages between processes: the amounts since the last one. They add up in any order.

const tenantSchema = z.union([z.strictObject({ tenantId: z.string().min(1).max(1024) }), z.enum(["other", "none"])]);
const changeSchema = z.object({
  labels: z.array(z.string()),
  tenant: tenantSchema,
  amount: z.number().positive().optional(),
  cells: z
    .array(
      z.tuple([
        z
          .int()
          .min(0)
          .max(CELLS - 1),
        z.int().positive(),
      ]),
    )
    .optional(),
  sum: z.number().optional(),
});
const metricSchema = z.object({
  name: z.string(),
  help: z.string(),
  unit: z.string().optional(),
  type: z.enum(["counter", "histogram"]),
  labels: z.array(z.string()),
  perTenant: z.boolean(),
  zero: z.number().positive().optional(),
  buckets: z.array(z.number().positive()).optional(),
  changes: z.array(changeSchema),
});
// Fields that a later version adds are ignored; another major form of message is refused.
const messageSchema = z.object({ version: z.literal(1), metrics: z.array(metricSchema) });

type MetricChanges = z.infer<typeof metricSchema>;
type Change = z.infer<typeof changeSchema>;

/**
 * Writes everything that was recorded since the last call; `undefined` for nothing. Gauges are not sent: their values do not
 * add up.
 */
export function takeMessage(reader: DeltaReader): string | undefined {
  const metrics = new Map<string, MetricChanges>();
  for (const delta of reader.read()) {
    if (delta.kind === "level") continue;
    const { name } = delta.metric.family.definition;
    const entry = metrics.get(name) ?? describeMetric(delta);
    metrics.set(name, entry);
    const labels = delta.labels.map(([, value]) => value);
    const values =
      delta.kind === "amount"
        ? { amount: delta.amount }
        : { cells: delta.cells.map(([cell, count]): [number, number] => [cell, count]), sum: delta.sum };
    entry.changes.push({ labels, tenant: delta.tenant, ...values });
  }
  return metrics.size === 0 ? undefined : JSON.stringify({ version: 1, metrics: [...metrics.values()] });
}

function describeMetric({ metric }: Delta): MetricChanges {
  const { name, help, unit, type, labelNames, perTenant } = metric.family.definition;
  return {
    ...{ name, help, labels: [...labelNames], perTenant, type: type === "histogram" ? type : "counter", changes: [] },
    ...(unit !== undefined && { unit }),
    ...(metric.kind === "sketch" && { zero: metric.range.zero, buckets: metric.bounds.map(upperBound) }),
  };
}

/**
 * Adds a message of another process to the metrics of this one, and defines those that it does not have yet. A metric that
 * is defined differently here is left out.
 * @returns names of metrics that were left out
 * @throws {InputError} for a message of another form
 */
export function mergeMessage(registry: Registry, message: string): string[] {
  const { metrics } = parseMessage(message);
  return metrics.filter((metric) => !mergeMetric(registry, metric)).map(({ name }) => name);
}

function parseMessage(message: string): z.infer<typeof messageSchema> {
  try {
    return messageSchema.parse(JSON.parse(message));
  } catch (cause) {
    throw new InputError(`merge: expected a message of takeDelta, got ${describeValue(message.slice(0, 80))}`, {
      cause,
    });
  }
}

function mergeMetric(registry: Registry, sent: MetricChanges): boolean {
  const found = registry.find(sent.name) ?? defineOrNot(registry, sent);
  if (found === undefined) return false;
  const { type, perTenant, labelNames } = found.family.definition;
  const isSame = type === sent.type && perTenant === sent.perTenant && labelNames.join() === sent.labels.join();
  if (!isSame || (found.kind === "sketch" && found.range.zero !== sent.zero)) return false;
  for (const change of sent.changes) {
    const labels = Object.fromEntries(labelNames.map((label, i) => [label, change.labels[i] ?? ""]));
    const slot = perTenant ? slotOf(registry, change) : 0;
    const series = found.family.bind(labels);
    if (series instanceof CounterSeries || series instanceof TenantCounterSeries)
      series.cells.add(slot, change.amount ?? 0);
    else if ("sketches" in series) addCells(series, slot, change);
  }
  return true;
}

/** A definition that is not valid here, such as one of a later version, must not hold up the other metrics of a message. */
function defineOrNot(registry: Registry, sent: MetricChanges) {
  try {
    return define(registry, sent);
  } catch (error) {
    if (isScaleError(error, "SCALE_CONFIG")) return undefined;
    throw error;
  }
}

function define(registry: Registry, { type, perTenant, zero, buckets, unit, ...rest }: MetricChanges) {
  const options = { name: rest.name, help: rest.help, labels: rest.labels, ...(unit !== undefined && { unit }) };
  const histogram = {
    ...options,
    ...(zero !== undefined && { smallest: zero }),
    ...(buckets !== undefined && { buckets }),
  };
  if (type === "counter") void (perTenant ? registry.tenantCounter(options) : registry.counter(options));
  else void (perTenant ? registry.tenantHistogram(histogram) : registry.histogram(histogram));
  return registry.find(rest.name);
}

function slotOf({ slots }: Registry, { tenant, amount, cells }: Change): number {
  if (tenant === "other") return OTHER;
  if (tenant === "none") return NO_TENANT;
  const events = cells?.reduce((sum, [, count]) => sum + count, 0) ?? amount ?? 1;
  return slots.record(tenant.tenantId, Math.max(1, Math.round(events)));
}

function addCells(
  { sketches }: HistogramSeries | TenantHistogramSeries,
  slot: number,
  { cells = [], sum = 0 }: Change,
): void {
  const row = sketches.rowOf(slot);
  for (const [cell, count] of cells) sketches.rows.add(row, cell, count);
  sketches.rows.addSum(row, sum);
}
