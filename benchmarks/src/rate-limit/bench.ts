import { type Bound, compareAll, type Line, type Measured, type SectionOptions, startRedis } from "@scale/testkit";
import { line } from "../gate.js";
import { contenders } from "./contenders.js";
import { subjects } from "./subjects.js";

interface Scenario {
  readonly rules: 1 | 3;
  readonly concurrency: 1 | 50 | 500;
  readonly measure: "decisions/s" | "p50 ms";
  readonly gate: Bound | undefined;
}

const SCENARIOS: readonly Scenario[] = [
  { rules: 3, concurrency: 50, measure: "decisions/s", gate: { atLeast: 1 } },
  { rules: 3, concurrency: 500, measure: "decisions/s", gate: { atLeast: 1 } },
  { rules: 3, concurrency: 1, measure: "p50 ms", gate: { atMost: 1.1 } },
  { rules: 1, concurrency: 50, measure: "decisions/s", gate: { atLeast: 1 } },
  { rules: 1, concurrency: 500, measure: "decisions/s", gate: { atLeast: 1 } },
  { rules: 1, concurrency: 1, measure: "p50 ms", gate: undefined },
];

/** What does a decision over one and three rules cost on one Redis, beside the best way to ask each peer? */
export async function* rateLimit({ smoke }: SectionOptions): AsyncIterable<Line> {
  const redis = await startRedis();
  try {
    for (const scenario of SCENARIOS) yield await compareWithPeers(redis.url, scenario, smoke);
  } finally {
    await redis.stop();
  }
}

async function compareWithPeers(url: string, scenario: Scenario, smoke: boolean): Promise<Line> {
  const { rules, concurrency, measure, gate } = scenario;
  const field = await contenders(url, rules);
  const variants = Object.fromEntries(
    field.map(({ name, decide }) => {
      const next = subjects();
      return [name, () => decide(next())];
    }),
  );
  const sides = await compareAll(variants, {
    concurrency,
    ...(smoke ? { rounds: 1, warmup: 0, durationMs: 20 } : { rounds: 25, warmup: 3, durationMs: 120 }),
  });
  for (const { close } of field) close();
  const [ourName, ...peers] = field.map(({ name }) => name);
  const ours = sides[ourName ?? ""];
  const best = peers
    .map((name) => ({ name, side: sides[name] }))
    .reduce((a, b) => (better(measure, a.side, b.side) ? a : b));
  if (ours === undefined || best.side === undefined) throw new Error("compareAll lost a variant");
  const figures = { ours: figure(measure, ours), peer: figure(measure, best.side) };
  return line({
    bench: `rate-limit: ${rules} ${rules === 1 ? "rule" : "rules"}, concurrency ${concurrency}`,
    unit: measure,
    ...figures,
    against: best.name,
    // A peer's ratios are its times over ours, round by round: how many times its throughput we have.
    ratio: measure === "decisions/s" ? best.side.ratio : 1 / best.side.p50Ratio,
    gate,
  });
}

type Figures = Pick<Measured, "opsPerSecond" | "p50Ms" | "ratio" | "p50Ratio">;

const figure = (measure: Scenario["measure"], side: Figures): number =>
  measure === "decisions/s" ? side.opsPerSecond : side.p50Ms;

function better(measure: Scenario["measure"], a: Figures | undefined, b: Figures | undefined): boolean {
  if (a === undefined || b === undefined) return a !== undefined;
  return measure === "decisions/s" ? a.ratio <= b.ratio : a.p50Ratio <= b.p50Ratio;
}
