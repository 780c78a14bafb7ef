import { setTimeout as sleep } from "node:timers/promises";
import { type Line, seededRandom } from "@scale/testkit";
import { line } from "../bound.js";

const SEED = 20_261_130;
/** Deadline of every call under test. */
export const TIMEOUT_MS = 50;
/** Calls of one kind that a freeze meets. */
export const CALLS = 6;
/** Time after the thaw until which a late answer has to be put right. */
const SETTLE_MS = 1000;
/** Calls begin from this long before the freeze until this long after it. */
const SPREAD_MS = 12;

/** The calls of one kind, in one freeze. */
export interface Round {
  /** Makes one of the calls. Rejects when it was not carried out in time. */
  call(index: number): Promise<unknown>;
  /** Counts what is wrong a second after the thaw: units that are held without a holder, counted twice, or lost. */
  wrong(): Promise<number>;
}

/** A kind of call with a deadline. */
export interface LateCall {
  readonly name: string;
  /** Prepares a freeze on a server that answers. @param round numbers the freezes, for keys that no two share */
  prepare(round: number): Promise<Round>;
}

/** A server, and the ways to freeze it. Every second freeze uses the second. */
export interface Frozen {
  readonly name: string;
  readonly freezes: readonly ((lengthMs: number) => Promise<void>)[];
}

interface Count {
  overtaken: number;
  wrong: number;
}

/** Freezes a server around the deadline of calls that are under way, all kinds in the same freezes. */
export async function* freeze(
  { name, freezes: ways }: Frozen,
  calls: readonly LateCall[],
  freezes: number,
): AsyncIterable<Line> {
  const random = seededRandom(SEED);
  const counts = calls.map((): Count => ({ overtaken: 0, wrong: 0 }));
  for (let round = 0; round < freezes; round++) {
    // One after the other: only the freeze may keep a call from being answered in time.
    const rounds: Round[] = [];
    for (const call of calls) rounds.push(await call.prepare(round));
    const lengthMs = TIMEOUT_MS * (0.6 + 1.8 * random());
    const outcomes = rounds.map((each) =>
      Promise.allSettled(
        Array.from({ length: CALLS }, async (_, i) => {
          await sleep(2 * SPREAD_MS * random());
          return each.call(i);
        }),
      ),
    );
    await sleep(SPREAD_MS);
    await ways[round % ways.length]?.(lengthMs);
    const settledAt = performance.now() + SETTLE_MS;
    for (const [i, outcome] of (await Promise.all(outcomes)).entries()) {
      (counts[i] as Count).overtaken += outcome.filter(({ status }) => status === "rejected").length;
    }
    await sleep(settledAt - performance.now());
    for (const [i, each] of rounds.entries()) (counts[i] as Count).wrong += await each.wrong();
  }
  const about = `${freezes} freezes of ${name} around a deadline of ${TIMEOUT_MS} ms (seed ${SEED})`;
  for (const [i, call] of calls.entries()) {
    yield line({
      proof: `late: ${about}, wrong after 1 s: ${call.name}`,
      unit: "units",
      value: (counts[i] as Count).wrong,
      bound: { atMost: 0 },
    });
  }
  yield line({
    proof: `late: ${about}, calls of the kind that they overtook least`,
    unit: "calls",
    value: Math.min(...counts.map(({ overtaken }) => overtaken)),
    bound: { atLeast: 1 },
  });
}

/** Repeats a call until it is carried out, as a caller does whose work must be recorded. */
export async function untilDone<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt === 40) throw error;
      await sleep(20);
    }
  }
}
