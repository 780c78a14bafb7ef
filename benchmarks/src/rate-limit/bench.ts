import {
  compareAll,
  type Expectation,
  type Line,
  type Measured,
  type SectionOptions,
  startRedis,
} from "@scale/testkit";
import { line } from "../gate.js";
import { redisCalls } from "./calls.js";
import { contenders, type Setting } from "./contenders.js";
import { memory } from "./memory.js";
import { subjects } from "./subjects.js";

type Measure = "decisions/s" | "p50 ms" | "Node CPU us";

interface Scenario extends Setting {
  readonly concurrency: 1 | 50 | 500;
  /** The measures that the scenario reports, each with its gate and goal. */
  readonly lines: Readonly<Partial<Record<Measure, Expectation>>>;
}

const atLeast = (gate: number, goal: number): Expectation => ({ gate: { atLeast: gate }, goal: { atLeast: goal } });

const SCENARIOS: readonly Scenario[] = [
  {
    ...{ rules: 3, concurrency: 50 },
    lines: { "decisions/s": atLeast(2.5, 3), "Node CPU us": atLeast(3, 5) },
  },
  { rules: 3, concurrency: 500, lines: { "decisions/s": atLeast(2.3, 3) } },
  { rules: 3, concurrency: 1, lines: { "p50 ms": { gate: { atMost: 1.1 } } } },
  { rules: 1, concurrency: 50, lines: { "decisions/s": { gate: { atLeast: 1.5 } } } },
  { rules: 1, concurrency: 1, lines: { "p50 ms": { gate: { atMost: 1.15 }, goal: { atMost: 1 } } } },
  { rules: 3, concurrency: 50, tenants: 1, lines: { "decisions/s": atLeast(3, 4) } },
  { rules: 1, concurrency: 50, tenants: 1, leased: true, lines: { "decisions/s": { gate: { atLeast: 10 } } } },
  { rules: 1, concurrency: 50, leased: true, lines: { "decisions/s": {} } },
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
  const { concurrency, tenants = 100, lines } = scenario;
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
  for (const [measure, expectation] of Object.entries(lines) as [Measure, Expectation][]) {
    const ours = sides[ourName] as Measured;
    const best = bestOf(measure, peers, sides);
    yield line({
      bench: `rate-limit: ${nameOf(scenario)}`,
      unit: measure,
      ours: figure(measure, ours),
      peer: figure(measure, best.side),
      against: best.name,
      ratio: ratioTo(measure, ours, best.side),
      ...expectation,
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

/** Cost of a decision by the measure, in a unit that is the same for all contenders of a run. */
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
