import { isScaleError } from "@scale/core";
import { type Line, seededRandom } from "@scale/testkit";
import { line } from "../../bound.js";
import { fuzzInput, growingInputs } from "./inputs.js";
import { openParsers, type Parser } from "./parsers.js";

const SEED = 20_261_130;
const LENGTH = 32_768;
/** Below this the clock and the compiler are measured, not the parser. */
const LEAST_MS = 0.5;
const MAX_GROWTH = 3;

/** Feeds every parser random and growing inputs: does one crash, or take more than linear time? */
export async function* fuzz(budgetMs: number): AsyncIterable<Line> {
  const parsers = await openParsers();
  try {
    const share = budgetMs / parsers.list.length;
    for (const parser of parsers.list) {
      const { inputs, crashes } = await feed(parser, share * 0.7);
      const about = `attack: fuzz of ${parser.name}`;
      yield line({ proof: `${about}, inputs (seed ${SEED})`, unit: "inputs", value: inputs, bound: { atLeast: 10 } });
      yield line({ proof: `${about}, crashes`, unit: "crashes", value: crashes.length, bound: { atMost: 0 } });
      if (crashes[0] !== undefined) process.stderr.write(`${parser.name}: ${crashes[0]}\n`);
      const { growth, input } = await growthOf(parser, share * 0.3);
      yield line({
        proof: `${about}, time of twice the input`,
        unit: "times",
        value: growth,
        bound: { atMost: MAX_GROWTH },
      });
      if (growth > MAX_GROWTH)
        process.stderr.write(`${parser.name}: grows with ${JSON.stringify(input.slice(0, 80))}\n`);
    }
  } finally {
    await parsers.close();
  }
}

async function feed(parser: Parser, budgetMs: number): Promise<{ inputs: number; crashes: readonly string[] }> {
  const random = seededRandom(SEED);
  const until = performance.now() + budgetMs;
  const crashes: string[] = [];
  let inputs = 0;
  do {
    const text = fuzzInput(random, parser.valid);
    inputs++;
    try {
      await parser.parse(text);
    } catch (error) {
      if (!isRefusal(error)) crashes.push(`${String(error)} for ${JSON.stringify(text.slice(0, 200))}`);
    }
  } while (performance.now() < until);
  return { inputs, crashes };
}

/** An error that a client may get: it has a code, and is not a failure of the process. */
const isRefusal = (error: unknown): boolean => isScaleError(error) && !isScaleError(error, "SCALE_CONFIG");

/** The largest factor between the times of an input and of one twice as long. */
async function growthOf(parser: Parser, budgetMs: number): Promise<{ growth: number; input: string }> {
  const until = performance.now() + budgetMs;
  let worst = { growth: 0, input: "" };
  const [short, long] = [growingInputs(LENGTH, parser.valid), growingInputs(2 * LENGTH, parser.valid)];
  for (const [i, input] of long.entries()) {
    const twice = await timeOf(parser, input);
    if (twice >= LEAST_MS) {
      let growth = twice / Math.max(await timeOf(parser, short[i] ?? ""), LEAST_MS / 2);
      // The machine may have interrupted every run: a parser that is slow is slow again.
      if (growth > MAX_GROWTH) growth = (await timeOf(parser, input, 50)) / (await timeOf(parser, short[i] ?? "", 50));
      if (growth > worst.growth) worst = { growth, input };
    }
    if (performance.now() > until) break;
  }
  return worst;
}

/** CPU time of the fastest of several runs, in milliseconds: the machine interrupts single ones. */
async function timeOf(parser: Parser, input: string, runs = 5): Promise<number> {
  let least = Infinity;
  for (let n = 0; n < runs; n++) {
    const from = process.cpuUsage();
    try {
      await parser.parse(input);
    } catch {
      // Refusals count like answers: only the time is of interest here.
    }
    const { user, system } = process.cpuUsage(from);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}
