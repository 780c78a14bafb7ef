import { type Interval, periodAt, type Subscription } from "@scale/quota";
import { type Line, type SectionOptions, seededRandom } from "@scale/testkit";
import { boundaryByScan } from "@scale/quota/scenarios";
import { line } from "../bound.js";

const SEED = 20_261_120;
const DAY_MS = 86_400_000;
const YEARS = 10;
const ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Asia/Kolkata", "Australia/Lord_Howe"];
const INTERVALS = ["day", "week", "month", "year"] as const satisfies readonly Interval[];

/** Do periods follow each other without gaps for ten years, from every start day, and do they match the calendar? */
export async function* periods({ smoke }: SectionOptions): AsyncIterable<Line> {
  const anchors = anchorsOf(smoke ? 30 : 1);
  const chained = anchors.map((subscription) => chain(subscription));
  const boundaries = chained.reduce((sum, one) => sum + one.boundaries, 0);
  const wrong = chained.reduce((sum, one) => sum + one.wrong, 0);
  const about = `quota: ${YEARS} years of months for ${anchors.length} subscriptions in ${ZONES.length} zones`;
  yield line({ proof: `${about}, boundaries`, unit: "boundaries", value: boundaries, bound: { atLeast: 1000 } });
  yield line({ proof: `${about}, gaps and overlaps`, unit: "boundaries", value: wrong, bound: { atMost: 0 } });
  const scans = smoke ? 20 : 500;
  yield line({
    proof: `quota: ${scans} random periods that a scan of the zone's clock puts elsewhere (seed ${SEED})`,
    unit: "periods",
    value: elsewhere(anchors, scans),
    bound: { atMost: 0 },
  });
}

/** One subscription on every `step`-th day of a leap year in each zone, at a time of day when clocks change. */
function anchorsOf(step: number): Subscription[] {
  const start = Date.UTC(2016, 0, 1, 1, 30);
  const days = Array.from({ length: Math.ceil(366 / step) }, (_, i) => start + i * step * DAY_MS);
  return days.flatMap((anchor) => ZONES.map((timeZone) => ({ anchor, timeZone })));
}

function chain(subscription: Subscription): { boundaries: number; wrong: number } {
  const anchor = Number(subscription.anchor);
  let last = periodAt(subscription, "month", anchor);
  let wrong = last.startsAt === anchor ? 0 : 1;
  let boundaries = 1;
  for (; boundaries <= YEARS * 12; boundaries++) {
    const next = periodAt(subscription, "month", last.endsAt);
    const isLast = periodAt(subscription, "month", last.endsAt - 1).key === last.key;
    if (next.startsAt !== last.endsAt || next.key <= last.key || !isLast) wrong++;
    last = next;
  }
  return { boundaries, wrong };
}

function elsewhere(anchors: readonly Subscription[], scans: number): number {
  const random = seededRandom(SEED);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  let wrong = 0;
  for (let i = 0; i < scans; i++) {
    const [subscription, interval, n] = [pick(anchors), pick(INTERVALS), Math.floor(random() * YEARS * 12)];
    const startsAt = boundaryByScan(subscription, interval, n);
    const endsAt = boundaryByScan(subscription, interval, n + 1);
    const found = periodAt(subscription, interval, startsAt);
    if (found.startsAt !== startsAt || found.endsAt !== endsAt) wrong++;
  }
  return wrong;
}
