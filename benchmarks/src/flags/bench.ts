import { compareAll, type Expectation, judge, type Line, type Measured, type SectionOptions } from "@scale/testkit";
import { line } from "../gate.js";
import { BATCH, contenders, startOurs } from "./contenders.js";

/** Runs of each contender of ours before the measurement. */
const WARM_UP = 2000;

/** What does an evaluation cost beside a look-up in a Map, and beside the OpenFeature SDK with its provider in memory? */
export async function* flags({ smoke }: SectionOptions): AsyncIterable<Line> {
  const ours = await startOurs();
  const variants = contenders(ours);
  // Counted, not timed as the warm-up of the rounds: on a busy machine the engine compiles late, and Map is compiled already.
  for (const run of smoke ? [] : [variants.constant, variants.percentage, variants.variants, variants.bounded])
    for (let i = 0; i < WARM_UP; i++) run();
  const sides = await compareAll(variants, {
    ...(smoke ? { rounds: 1, warmup: 0, durationMs: 20 } : { rounds: 25, warmup: 5, durationMs: 60 }),
  });
  const { map } = sides;
  yield besideMap("plan and percentage", { ours: sides.percentage, map, ...AT_MOST_8 });
  yield besideMap("constant", { ours: sides.constant, map, ...AT_MOST_8 });
  yield besideMap("three variants", { ours: sides.variants, map });
  yield besideMap("plan and percentage, with maxStaleness", { ours: sides.bounded, map });
  yield line({
    bench: "flags: plan and percentage, beside the OpenFeature SDK",
    unit: "ns",
    ours: nsOf(sides.percentage),
    peer: nsOf(sides.openFeature),
    against: "OpenFeature InMemoryProvider, one variant without an evaluator",
    ratio: sides.openFeature.ratio / sides.percentage.ratio,
    gate: { atLeast: 50 },
  });
  yield line({
    bench: "flags: through our OpenFeature provider",
    unit: "ns",
    ours: nsOf(sides.provider),
    peer: nsOf(sides.openFeature),
    against: "OpenFeature InMemoryProvider",
    ratio: sides.provider.ratio / sides.openFeature.ratio,
  });
  yield heap(ours.evaluate, smoke);
  await ours.close();
}

const AT_MOST_8 = { gate: { atMost: 8 } };

function besideMap(what: string, { ours, map, ...expectation }: Expectation & { ours: Measured; map: Measured }): Line {
  return line({
    bench: `flags: ${what}`,
    unit: "ns",
    ours: nsOf(ours),
    peer: nsOf(map),
    against: "a Map's get by tenant",
    ratio: ours.ratio / map.ratio,
    ...expectation,
  });
}

const nsOf = ({ opsPerSecond }: Measured): number => 1e9 / opsPerSecond / BATCH;

const EVALUATIONS = 1_000_000;
const SLICES = 20;

/** Growth of the heap. Summed over slices, so that a collection hides the growth of one slice only. */
function heap(evaluate: (times: number) => unknown, smoke: boolean): Line {
  const evaluations = smoke ? EVALUATIONS / 100 : EVALUATIONS;
  evaluate(evaluations);
  let grown = 0;
  for (let slice = 0; slice < SLICES; slice++) {
    const before = process.memoryUsage().heapUsed;
    evaluate(evaluations / SLICES);
    grown += Math.max(0, process.memoryUsage().heapUsed - before);
  }
  const ours = grown / 2 ** 20;
  return {
    bench: "flags: heap growth over 1,000,000 evaluations",
    unit: "MiB",
    ours,
    ...judge(ours, { gate: { atMost: 1 }, goal: undefined }),
  };
}
