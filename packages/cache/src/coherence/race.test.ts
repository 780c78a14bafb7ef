import { seededRandom } from "@scale/testkit";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import {
  BOUND_MS,
  CUTS,
  endedDuringOutage,
  type FaultStage,
  lostMessages,
  stalledOnce,
  stalledReads,
  startFaults,
  TIMEOUT_MS,
} from "../../scenarios/faults.js";
import { type Node, startNode, untilServed } from "../../scenarios/node.js";
import { endedDuringLoad, type RaceOptions, readRightAfter, setDuringLoad, WAY_NAMES } from "../../scenarios/races.js";

const url = inject("redisUrl");
const SEED = 20_261_120;
/** `npm run proof cache` runs ten times as many. */
const TRIALS = 100;
console.info(`race.test.ts: seed ${SEED}`);

describe.skipIf(!url)("invalidation races", () => {
  let nodes: [Node, Node, Node];
  const options = (): RaceOptions => ({ nodes, random: seededRandom(SEED), trials: TRIALS });

  beforeAll(async () => {
    const one = { prefix: `race:${process.pid}`, staleness: { bound: BOUND_MS } };
    nodes = [startNode(url, one), startNode(url, one), startNode(url, one)];
    await untilServed(...nodes);
  });
  afterAll(() => {
    for (const node of nodes) node.close();
  });

  it.each(WAY_NAMES)("never serve what %s ended before, wherever a load was under way", async (way) => {
    const { stale, loads } = await endedDuringLoad(way, options());
    expect(stale).toEqual([]);
    // Two loads of each id, and a third where a fill was overtaken: the cache does cache.
    expect(loads).toBeLessThan(TRIALS * 3.5);
  });

  it("let a reader that comes after an invalidation wait for no load that began before it", async () => {
    expect((await readRightAfter(options())).stale).toEqual([]);
  });

  it("leave what was set last, in every process", async () => {
    expect((await setDuringLoad(options())).stale).toEqual([]);
  });
});

describe.skipIf(!url)("faults", () => {
  let stage: FaultStage;

  beforeAll(async () => {
    stage = await startFaults(url, { prefix: `fault:${process.pid}`, random: seededRandom(SEED + 1) });
  });
  afterAll(() => stage.close());

  it.each(CUTS)("memory is at most the bound old when the subscription $name", async (cut) => {
    expect(await lostMessages(stage, cut, TRIALS)).toEqual([]);
  });

  const outages = CUTS.filter(({ name }) => name !== "is cut");
  it.each(outages)("nothing is brought back that ended while the connection $name", async (cut) => {
    const { commands } = stage;
    const fault = { begin: () => cut.begin(commands), end: () => cut.end(commands) };
    const { stale, states, slowestMs } = await endedDuringOutage(stage, { name: cut.name, fault, trials: TRIALS });
    expect(stale).toEqual([]);
    expect([...states]).toEqual(["queued"]);
    expect(slowestMs).toBeLessThan(TIMEOUT_MS + 100);
  });
});

describe.skipIf(!url)("a Redis that stops answering", () => {
  const timeoutMs = 40;
  let stage: FaultStage;

  beforeAll(async () => {
    stage = await startFaults(url, { prefix: `stall:${process.pid}`, random: seededRandom(SEED + 2), timeoutMs });
  });
  afterAll(() => stage.close());

  it("during a read is waited for no longer than the timeout", async () => {
    const reads = await stalledReads(stage, TRIALS);
    const times = reads.map(({ from, to }) => to - from).toSorted((a, b) => a - b);
    expect(times[TRIALS / 2]).toBeGreaterThan(timeoutMs - 5);
    expect(times.at(-1)).toBeLessThan(timeoutMs + 80);
  });

  it("is waited for only once", async () => {
    const [first = 0, ...rest] = await stalledOnce(stage, TRIALS);
    expect(first).toBeLessThan(timeoutMs + 80);
    expect(rest.toSorted((a, b) => a - b)[90]).toBeLessThan(20);
  });
});
