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

  it.each(WAY_NAMES)("never serve a value that %s invalidated before, wherever a load was running", async (way) => {
    const { stale, loads } = await endedDuringLoad(way, options());
    expect(stale).toEqual([]);
    // Two loads of each id, and a third where an invalidation overtook a fill: the values are cached.
    expect(loads).toBeLessThan(TRIALS * 3.5);
  });

  it("let no reader after an invalidation join a load that began before it", async () => {
    expect((await readRightAfter(options())).stale).toEqual([]);
  });

  it("leave the value of the last set, in every process", async () => {
    expect((await setDuringLoad(options())).stale).toEqual([]);
  });
});

describe.skipIf(!url)("faults", () => {
  let stage: FaultStage;

  beforeAll(async () => {
    stage = await startFaults(url, { prefix: `fault:${process.pid}`, random: seededRandom(SEED + 1) });
  });
  afterAll(() => stage.close());

  it.each(CUTS)("memory is stale by at most the bound when the subscription $name", async (cut) => {
    expect(await lostMessages(stage, cut, TRIALS)).toEqual([]);
  });

  const outages = CUTS.filter(({ name }) => name !== "is cut");
  it.each(outages)("no invalidated value comes back after the connection $name", async (cut) => {
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

  it("during a read delays it by at most the timeout", async () => {
    const reads = await stalledReads(stage, TRIALS);
    const times = reads.map(({ from, to }) => to - from).toSorted((a, b) => a - b);
    expect(times[TRIALS / 2]).toBeGreaterThan(timeoutMs - 5);
    // A machine that runs other programs may hold up single reads.
    expect(times[TRIALS * 0.95]).toBeLessThan(timeoutMs + 80);
  });

  it("delays only one read", async () => {
    const [first = 0, ...rest] = await stalledOnce(stage, TRIALS);
    expect(first).toBeLessThan(timeoutMs + 80);
    expect(rest.toSorted((a, b) => a - b)[90]).toBeLessThan(20);
  });
});
