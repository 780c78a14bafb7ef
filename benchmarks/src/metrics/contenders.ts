import { createMetrics, type Metrics } from "@scale/metrics";
import { seededRandom } from "@scale/testkit";
import { Counter, Histogram, Registry } from "prom-client";

export const SEED = 20261130;
/** Recordings of one measured operation. */
export const BATCH = 1000;

/** Bounds of both contenders: as many as prom-client has by default. */
const BUCKETS = [0.00390625, 0.0078125, 0.015625, 0.03125, 0.0625, 0.125, 0.25, 0.5, 1, 2, 4];

/** Ids as a server decodes them from a request. */
const tenantOf = (i: number): string => Buffer.from(`tenant-${i * 7919}`).toString("latin1");

export const TENANTS: readonly string[] = Array.from({ length: 10_000 }, (_, i) => tenantOf(i));

/** Tenants of a stream in which the n-th most frequent one is n times rarer than the first. */
function zipf(length: number): string[] {
  const random = seededRandom(SEED);
  const weights = TENANTS.map((_, i) => 1 / (i + 1));
  let sum = 0;
  const cumulative = weights.map((weight) => (sum += weight));
  return Array.from({ length }, () => {
    const at = random() * sum;
    let [low, high] = [0, cumulative.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    return TENANTS[low] ?? "";
  });
}

export const values: readonly number[] = (() => {
  const random = seededRandom(SEED + 1);
  return Array.from({ length: BATCH }, () => Math.exp(random() * 6 - 6));
})();

export function startOurs(max: number): Metrics {
  return createMetrics({ tenants: { max }, events: false, process: false });
}

/** Bound series of both libraries: a loop of its own for each, so that the engine sees which one it calls. */
export function bound() {
  const ours = startOurs(500);
  const registers = [new Registry()];
  const labels = { route: "/a/:id", status: "200" };
  const names = ["route", "status"] as const;
  const counter = ours.counter({ name: "a_total", help: "A.", labels: names }).bind(labels);
  const histogram = ours.histogram({ name: "b_seconds", help: "B.", labels: names, buckets: BUCKETS }).bind(labels);
  const peerCounter = new Counter({ name: "a_total", help: "A.", labelNames: names, registers }).labels(labels);
  const peerHistogram = new Histogram({
    name: "b_seconds",
    help: "B.",
    labelNames: names,
    registers,
    buckets: BUCKETS,
  }).labels(labels);
  return {
    ourCounter() {
      for (let i = 0; i < BATCH; i++) counter.inc();
    },
    peerCounter() {
      for (let i = 0; i < BATCH; i++) peerCounter.inc();
    },
    ourHistogram() {
      for (const value of values) histogram.observe(value);
    },
    peerHistogram() {
      for (const value of values) peerHistogram.observe(value);
    },
  };
}

/** Recordings of tenants of a Zipf stream. */
export function labelled() {
  const stream = zipf(BATCH * 64);
  const all = startOurs(10_000).tenants.histogram({ name: "c_seconds", help: "C.", buckets: BUCKETS }).bind({});
  const heavy = startOurs(500).tenants.histogram({ name: "c_seconds", help: "C.", buckets: BUCKETS }).bind({});
  const peer = new Histogram({
    name: "c_seconds",
    help: "C.",
    labelNames: ["tenant"],
    registers: [new Registry()],
    buckets: BUCKETS,
  });
  for (const tenant of TENANTS) all.observe(tenant, 1);
  let turn = 0;
  const next = (): number => (turn = (turn + 1) % 64) * BATCH;
  return {
    all() {
      const from = next();
      for (let i = 0; i < BATCH; i++) all.observe(stream[from + i], values[i] as number);
    },
    heavy() {
      const from = next();
      for (let i = 0; i < BATCH; i++) heavy.observe(stream[from + i], values[i] as number);
    },
    peer() {
      const from = next();
      for (let i = 0; i < BATCH; i++) peer.observe({ tenant: stream[from + i] as string }, values[i] as number);
    },
  };
}

/** A scrape of a counter and a histogram with every tenant. */
export function scrapes() {
  const ours = startOurs(10_000);
  const counter = ours.tenants.counter({ name: "d_total", help: "D." }).bind({});
  const histogram = ours.tenants.histogram({ name: "e_seconds", help: "E.", buckets: BUCKETS }).bind({});
  const registry = new Registry();
  const registers = [registry];
  const peerCounter = new Counter({ name: "d_total", help: "D.", labelNames: ["tenant"], registers });
  const peerHistogram = new Histogram({
    name: "e_seconds",
    help: "E.",
    labelNames: ["tenant"],
    registers,
    buckets: BUCKETS,
  });
  TENANTS.forEach((tenant, i) => {
    const value = values[i % BATCH] as number;
    counter.inc(tenant);
    histogram.observe(tenant, value);
    peerCounter.inc({ tenant });
    peerHistogram.observe({ tenant }, value);
  });
  return {
    async ours(format: "text" | "openmetrics" | "protobuf" = "text"): Promise<number> {
      const { chunks } = await ours.render(format);
      return chunks.reduce((sum, { length }) => sum + length, 0);
    },
    peer: async (): Promise<number> => (await registry.metrics()).length,
  };
}
