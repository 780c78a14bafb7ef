import { setTimeout as sleep } from "node:timers/promises";
import {
  type CpuStarvation,
  type Line,
  percentile,
  type SectionOptions,
  seededRandom,
  startRedis,
  watchCpuStarvation,
} from "@scale/testkit";
import {
  BOUND_MS,
  CUTS,
  endedDuringLoad,
  lostMessages,
  type Raced,
  type RaceOptions,
  readRightAfter,
  setDuringLoad,
  stalledReads,
  startFaults,
  startNode,
  untilServed,
  WAY_NAMES,
} from "@scale/cache/scenarios";
import { line } from "../bound.js";

const SEED = 20_261_120;
const EVERY_MS = 2;

/** Cases G1 to G4 and G6 of docs/guides/cache-races.md, at random moments. `outages` is G5. */
export async function* races({ smoke }: SectionOptions): AsyncIterable<Line> {
  const server = await startRedis();
  try {
    yield* overtaken(server.url, smoke ? 10 : 1000);
    yield* lost(server.url, smoke ? 10 : 200);
    yield* stalled(server.url, smoke ? 5 : 200);
  } finally {
    await server.stop();
  }
}

async function* overtaken(url: string, trials: number): AsyncIterable<Line> {
  const one = { prefix: "race", staleness: { bound: BOUND_MS } };
  const nodes = [startNode(url, one), startNode(url, one), startNode(url, one)] as const;
  const options = (): RaceOptions => ({ nodes, random: seededRandom(SEED), trials });
  const all: Record<string, () => Promise<Raced>> = {
    ...Object.fromEntries(
      WAY_NAMES.map((way) => [`G1, G2: ${way} ended during its load`, () => endedDuringLoad(way, options())]),
    ),
    "G3: read right after the end": () => readRightAfter(options()),
    "set during its load": () => setDuringLoad(options()),
  };
  try {
    await untilServed(...nodes);
    for (const [name, race] of Object.entries(all)) {
      const { stale } = await race();
      yield staleLine(`${name} x ${trials}`, stale);
    }
  } finally {
    for (const node of nodes) node.close();
  }
}

async function* lost(url: string, trials: number): AsyncIterable<Line> {
  const stage = await startFaults(url, { prefix: "lost", random: seededRandom(SEED) });
  try {
    for (const cut of CUTS) {
      const stale = await lostMessages(stage, cut, trials);
      yield staleLine(`G4: the subscription ${cut.name} x ${trials}, bound ${BOUND_MS} ms`, stale);
    }
  } finally {
    await stage.close();
  }
}

async function* stalled(url: string, trials: number): AsyncIterable<Line> {
  const timeoutMs = 50;
  const stage = await startFaults(url, { prefix: "stalled", random: seededRandom(SEED), timeoutMs });
  const starvation = watchCpuStarvation(EVERY_MS);
  const stop = new AbortController();
  const ticking = tick(starvation, stop.signal);
  try {
    const reads = await stalledReads(stage, trials);
    const times = reads.map(({ from, to }) => to - from - starvation.between(from, to));
    const about = `cache: G6: Redis stalls during a read x ${trials} (seed ${SEED})`;
    const atMost = timeoutMs + 20;
    yield line({ proof: `${about}, p99 of a read`, unit: "ms", value: percentile(times, 0.99), bound: { atMost } });
  } finally {
    stop.abort();
    await ticking;
    await stage.close();
  }
}

async function tick(starvation: CpuStarvation, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(EVERY_MS);
    starvation.tick();
  }
}

function staleLine(what: string, stale: readonly string[]): Line {
  const proof = `cache: ${what} (seed ${SEED}), readers that got what had ended`;
  return line({ proof, unit: "readers", value: stale.length, bound: { atMost: 0 } });
}
