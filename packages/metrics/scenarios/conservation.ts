import { createManualClock } from "@scale/core/testing";
import { seededRandom } from "@scale/testkit";
import { createMetrics } from "../src/index.js";
import { parseText } from "./parse-text.js";

export interface ConservationOptions {
  readonly seed: number;
  readonly tenants: number;
  readonly max: number;
  readonly scrapes: number;
  readonly eventsPerScrape: number;
}

export interface ConservationResult {
  readonly events: number;
  /** Scrapes whose series did not add up to the events, of the counter or of the histogram. */
  readonly wrongSums: number;
  /** Series whose value was lower than in the last scrape that had it, however long ago. */
  readonly decreases: number;
  readonly mostSeries: number;
  /** Tenants that got a series, lost it, and got one again. */
  readonly returns: number;
}

const WINDOW_MS = 1000;
const HOT = 20;
const OFTEN_HOT = 200;

/**
 * Sends events of random tenants, of which others are heavy after each scrape, and compares every scrape with the events.
 * Events go on while a scrape is rendered.
 */
export async function conserve({
  seed,
  tenants,
  max,
  scrapes,
  eventsPerScrape,
}: ConservationOptions): Promise<ConservationResult> {
  const random = seededRandom(seed);
  const clock = createManualClock();
  const metrics = createMetrics({
    tenants: { max, window: WINDOW_MS },
    events: false,
    process: false,
    clock,
    sliceMs: 0.1,
  });
  const counter = metrics.tenants.counter({ name: "events_total", help: "Events." }).bind({});
  const histogram = metrics.tenants
    .histogram({ name: "event_seconds", help: "Time of events.", unit: "seconds" })
    .bind({});
  const last = new Map<string, number>();
  const seen = { wrongSums: 0, decreases: 0, mostSeries: 0 };
  let events = 0;
  const send = (hot: readonly number[]): void => {
    const tenant = random() < 0.7 ? hot[Math.floor(random() * hot.length)] : Math.floor(random() * tenants);
    counter.inc(`tenant-${tenant}`);
    histogram.observe(`tenant-${tenant}`, random());
    events++;
  };
  for (let scrape = 0; scrape < scrapes; scrape++) {
    const hot = Array.from({ length: HOT }, () => Math.floor(random() * OFTEN_HOT));
    for (let i = 0; i < eventsPerScrape; i++) send(hot);
    clock.advance(random() * 3 * WINDOW_MS);
    const before = events;
    const rendering = metrics.render();
    for (let i = 0; i < 20; i++) {
      for (let event = 0; event < 50; event++) send(hot);
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
    const samples = parseText(Buffer.concat((await rendering).chunks).toString());
    judge(samples, { last, seen, least: before, most: events });
  }
  const returns = new Set(
    [...last.keys()].filter((series) => series.startsWith("events_total") && /part="\d/.test(series)),
  );
  await metrics.close();
  return { events, ...seen, returns: returns.size };
}

interface Expected {
  readonly last: Map<string, number>;
  readonly seen: { wrongSums: number; decreases: number; mostSeries: number };
  readonly least: number;
  readonly most: number;
}

function judge(samples: ReturnType<typeof parseText>, { last, seen, least, most }: Expected): void {
  const sums = new Map<string, number>();
  let series = 0;
  for (const { name, series: of, value } of samples) {
    if (name !== "events_total" && name !== "event_seconds_count") continue;
    sums.set(name, (sums.get(name) ?? 0) + value);
    if (value < (last.get(of) ?? 0)) seen.decreases++;
    last.set(of, value);
    series++;
  }
  seen.mostSeries = Math.max(seen.mostSeries, series / 2);
  for (const name of ["events_total", "event_seconds_count"]) {
    const sum = sums.get(name) ?? 0;
    if (sum < least || sum > most) seen.wrongSums++;
  }
}
