import { judge, type Line, type SectionOptions } from "@scale/testkit";
import { line } from "../gate.js";
import { scrapes } from "./contenders.js";

interface Cost {
  readonly blockMs: number;
  readonly cpuMs: number;
}

/** What does a scrape of 10,000 tenants take from the other work of the process? */
export async function* scrape({ smoke }: SectionOptions): AsyncIterable<Line> {
  const contenders = scrapes();
  const rounds = smoke ? 1 : 9;
  const ours: Cost[] = [];
  const peer: Cost[] = [];
  const [first, peerFirst] = [await costOf(() => contenders.ours()), await costOf(contenders.peer)];
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? ["ours", "peer"] : ["peer", "ours"]) {
      if (side === "ours") ours.push(await costOf(() => contenders.ours()));
      else peer.push(await costOf(contenders.peer));
    }
  }
  const ratios = (of: keyof Cost): number => median(ours.map((cost, i) => cost[of] / (peer[i]?.[of] ?? Number.NaN)));
  const middle = (costs: readonly Cost[], of: keyof Cost): number => median(costs.map((cost) => cost[of]));
  yield line({
    ...{
      bench: "metrics: scrape of 10,000 tenants, longest block of the event loop",
      unit: "ms",
      against: "prom-client",
    },
    ...{
      ours: middle(ours, "blockMs"),
      peer: middle(peer, "blockMs"),
      ratio: ratios("blockMs"),
      gate: { atMost: 0.01 },
    },
  });
  yield line({
    ...{ bench: "metrics: scrape of 10,000 tenants, CPU", unit: "ms", against: "prom-client" },
    ...{ ours: middle(ours, "cpuMs"), peer: middle(peer, "cpuMs"), ratio: ratios("cpuMs"), gate: { atMost: 0.5 } },
  });
  yield line({
    ...{
      bench: "metrics: first scrape of 10,000 tenants, longest block of the event loop",
      unit: "ms",
      against: "prom-client",
    },
    ...{ ours: first.blockMs, peer: peerFirst.blockMs, ratio: first.blockMs / peerFirst.blockMs },
  });
  const proto = await costOf(() => contenders.ours("protobuf"));
  yield {
    ...{
      bench: "metrics: scrape of 10,000 tenants as protobuf, longest block of the event loop",
      unit: "ms",
      ours: proto.blockMs,
    },
    ...judge(proto.blockMs, {}),
  };
}

/**
 * Runs a scrape beside a loop that looks at the clocks at every turn. A turn took no longer than its CPU time: more of its
 * wall time was that of other processes, on a machine that is busy.
 */
async function costOf(run: () => Promise<unknown>): Promise<Cost> {
  const cpuMs = await cpuOf(run);
  let blockMs = 0;
  let last = { wall: performance.now(), cpu: process.cpuUsage() };
  let isRunning = true;
  const look = (): void => {
    const now = { wall: performance.now(), cpu: process.cpuUsage() };
    const cpuMs = (now.cpu.user - last.cpu.user + now.cpu.system - last.cpu.system) / 1000;
    blockMs = Math.max(blockMs, Math.min(now.wall - last.wall, cpuMs));
    last = now;
    if (isRunning) setImmediate(look);
  };
  setImmediate(look);
  await run();
  // The work of the last turn counts too.
  await new Promise((resolve) => void setImmediate(resolve));
  isRunning = false;
  return { blockMs, cpuMs };
}

async function cpuOf(run: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const median = (figures: readonly number[]): number =>
  figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN;
