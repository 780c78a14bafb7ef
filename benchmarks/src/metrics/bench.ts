import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { compareAll, type Expectation, judge, type Line, type Measured, type SectionOptions } from "@scale/testkit";
import { line } from "../gate.js";
import { BATCH, bound, labelled, startOurs, TENANTS, values } from "./contenders.js";
import { worstQuantileError } from "./quantile-error.js";
import { scrape } from "./scrape.js";

/** What does a recording cost beside prom-client, what does a scrape take, and how exact are percentiles? */
export async function* metrics({ smoke }: SectionOptions): AsyncIterable<Line> {
  // First: the others leave memory that is freed at any time.
  yield await sketches();
  const rounds = smoke ? { rounds: 1, warmup: 0, durationMs: 20 } : { rounds: 21, warmup: 4, durationMs: 60 };
  const series = await compareAll(bound(), rounds);
  yield besidePeer("bound counter, inc", { ours: series.ourCounter, peer: series.peerCounter, ...TENTH });
  yield besidePeer("bound histogram, observe", { ours: series.ourHistogram, peer: series.peerHistogram, ...TENTH });
  const tenants = await compareAll(labelled(), rounds);
  yield besidePeer("observe of 10,000 Zipf tenants, all with series", {
    ours: tenants.all,
    peer: tenants.peer,
    ...TENTH,
  });
  yield besidePeer("observe of 10,000 Zipf tenants, 500 with series", { ours: tenants.heavy, peer: tenants.peer });
  yield* scrape({ smoke });
  for (const [name, error] of worstQuantileError(smoke ? 1000 : 100_000)) {
    yield {
      ...{ bench: `metrics: worst error of p50 to p99.9, ${name}`, unit: "%", ours: error * 100 },
      ...judge(error * 100, { gate: { atMost: 4.4 } }),
    };
  }
}

const TENTH = { gate: { atMost: 0.1 } };

function besidePeer(
  what: string,
  { ours, peer, ...expectation }: Expectation & { ours: Measured; peer: Measured },
): Line {
  return line({
    ...{ bench: `metrics: ${what}`, unit: "ns", ours: nsOf(ours), peer: nsOf(peer), against: "prom-client" },
    ...{ ratio: ours.ratio / peer.ratio, ...expectation },
  });
}

const nsOf = ({ opsPerSecond }: Measured): number => 1e9 / opsPerSecond / BATCH;

/** Memory of the sketches of 10,000 tenants that have series of another metric, with 100 observations each. */
async function sketches(): Promise<Line> {
  const { tenants } = startOurs(10_000);
  const counter = tenants.counter({ name: "f_total", help: "F." }).bind({});
  const histogram = tenants.histogram({ name: "f_seconds", help: "F." }).bind({});
  for (const tenant of TENANTS) counter.inc(tenant);
  const before = await used();
  for (const tenant of TENANTS) for (let i = 0; i < 100; i++) histogram.observe(tenant, values[i] as number);
  const ours = ((await used()) - before) / 1e6;
  // The histogram lives until here.
  histogram.observe("last", 1);
  return {
    ...{ bench: "metrics: memory of 10,000 sketches of tenants", unit: "MB", ours },
    ...judge(ours, { gate: { atMost: 12 } }),
  };
}

/** Bytes of the heap and of buffers outside of it, after collections. Buffers are freed a moment after theirs. */
async function used(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
