import { type Bound, compareAll, type Line, type Measured, type SectionOptions, startRedis } from "@scale/testkit";
import { line } from "../gate.js";
import { redisCalls } from "./calls.js";
import { contenders, type Setting } from "./contenders.js";
import { memory } from "./memory.js";
import { subjects } from "./subjects.js";

type Measure = "decisions/s" | "p50 ms" | "Node CPU us";

interface Scenario extends Setting {
  readonly concurrency: 1 | 50 | 500;
  /** What is told, and what it must reach. */
  readonly gates: Readonly<Partial<Record<Measure, Bound | undefined>>>;
}

const SCENARIOS: readonly Scenario[] = [
  { rules: 3, concurrency: 50, gates: { "decisions/s": { atLeast: 3 }, "Node CPU us": { atLeast: 5 } } },
  { rules: 3, concurrency: 500, gates: { "decisions/s": { atLeast: 2.5 } } },
  { rules: 3, concurrency: 1, gates: { "p50 ms": { atMost: 1.1 } } },
  { rules: 1, concurrency: 50, gates: { "decisions/s": { atLeast: 1.5 } } },
  { rules: 1, concurrency: 1, gates: { "p50 ms": { atMost: 1.1 } } },
  { rules: 3, concurrency: 50, tenants: 1, gates: { "decisions/s": { atLeast: 4 } } },
  { rules: 1, concurrency: 50, tenants: 1, leased: true, gates: { "decisions/s": { atLeast: 10 } } },
  { rules: 1, concurrency: 50, leased: true, gates: { "decisions/s": undefined } },
];

/** What does a decision cost on one Redis and in memory, beside the best way to ask each peer? */
export async function* rateLimit({ smoke }: SectionOptions): AsyncIterable<Line> {
  const redis = await startRedis();
  try {
    for (const scenario of SCENARIOS) yield* compareWithPeers(redis.url, scenario, smoke);
    yield await redisCalls(redis.url);
  } finally {
    await redis.stop();
  }
  yield* memory(smoke);
}

async function* compareWithPeers(url: string, scenario: Scenario, smoke: boolean): AsyncIterable<Line> {
  const { concurrency, tenants = 100, gates } = scenario;
  const field = await contenders(url, scenario);
  const variants = Object.fromEntries(
    field.map(({ name, decide }) => {
      const next = subjects(tenants);
      return [name, () => decide(next())];
    }),
  );
  const sides = await compareAll(variants, {
    concurrency,
    ...(smoke ? { rounds: 1, warmup: 0, durationMs: 20 } : { rounds: 25, warmup: 3, durationMs: 120 }),
  });
  for (const { close } of field) close();
  const [ourName = "", ...peers] = field.map(({ name }) => name);
  for (const [measure, gate] of Object.entries(gates) as [Measure, Bound | undefined][]) {
    const ours = sides[ourName] as Measured;
    const best = bestOf(measure, peers, sides);
    yield line({
      bench: `rate-limit: ${nameOf(scenario)}`,
      unit: measure,
      ours: figure(measure, ours),
      peer: figure(measure, best.side),
      against: best.name,
      ratio: ratioTo(measure, ours, best.side),
      gate,
    });
  }
}

function nameOf({ rules, concurrency, tenants, leased }: Scenario): string {
  const words = [`${rules} ${rules === 1 ? "rule" : "rules"}`, `concurrency ${concurrency}`];
  if (tenants === 1) words.push("one hot tenant");
  if (leased === true) words.push("leased");
  return words.join(", ");
}

/** The peer that is nearest to us, or ahead. */
function bestOf(
  measure: Measure,
  peers: readonly string[],
  sides: Readonly<Record<string, Measured>>,
): { name: string; side: Measured } {
  const all = peers.map((name) => ({ name, side: sides[name] as Measured }));
  return all.reduce((a, b) => (costOf(measure, a.side) <= costOf(measure, b.side) ? a : b));
}

/** What a decision costs in that respect, in any unit that is the same for all of one run. */
function costOf(measure: Measure, side: Measured): number {
  if (measure === "Node CPU us") return side.cpuMicrosPerOp;
  return measure === "decisions/s" ? side.ratio : side.p50Ratio;
}

// A peer's ratios are its times over ours, round by round: how many times its throughput we have.
function ratioTo(measure: Measure, ours: Measured, peer: Measured): number {
  if (measure === "Node CPU us") return peer.cpuMicrosPerOp / ours.cpuMicrosPerOp;
  return measure === "decisions/s" ? peer.ratio : 1 / peer.p50Ratio;
}

function figure(measure: Measure, side: Measured): number {
  if (measure === "Node CPU us") return side.cpuMicrosPerOp;
  return measure === "decisions/s" ? side.opsPerSecond : side.p50Ms;
}
