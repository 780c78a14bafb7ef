import { createBreaker } from "@scale/breaker";
import type { Line, SectionOptions } from "@scale/testkit";
import CircuitBreaker from "opossum";
import { line } from "../gate.js";

const WINDOW_MS = 600_000;
const ROUNDS = 15;

type Call = (fails: boolean) => Promise<unknown>;

const action: Call = (fails) => (fails ? Promise.reject(new Error("down")) : Promise.resolve(1));

interface Windowed {
  readonly call: Call;
  close(): void;
}

/** A breaker with a long window that never opens. */
function ours(): Windowed {
  const breaker = createBreaker({
    name: "bench",
    window: { type: "time", ms: WINDOW_MS },
    minimumCalls: 1_000_000,
  });
  return { call: (fails) => breaker.run(() => action(fails)), close: () => breaker.dispose() };
}

function opossum(): Windowed {
  const breaker = new CircuitBreaker(action, { rollingCountTimeout: WINDOW_MS, volumeThreshold: 1_000_000_000 });
  return { call: (fails) => breaker.fire(fails), close: () => breaker.shutdown() };
}

/** How much longer does a failed call take when the window holds many calls? */
export async function* fullWindow({ smoke }: SectionOptions): AsyncIterable<Line> {
  const calls = smoke ? 1000 : 100_000;
  const own = await compareWindows(ours, { calls, perRound: 100 });
  const peer = await compareWindows(opossum, { calls, perRound: 2 });
  const about = { bench: `breaker: a failed call with ${calls} calls in the window`, unit: "us" };
  yield line({
    ...about,
    ...{ ours: own.fullUs, peer: own.emptyUs, against: "the same breaker with an empty window" },
    ...{ ratio: own.fullUs / own.emptyUs, gate: { atMost: 3 } },
  });
  yield line({
    ...about,
    ...{ ours: own.fullUs, peer: peer.fullUs, against: "opossum with its defaults" },
    ratio: own.fullUs / peer.fullUs,
  });
  yield line({
    ...{ bench: `${about.bench}, opossum`, unit: "us", ours: peer.fullUs, peer: peer.emptyUs },
    ...{ against: "opossum with an empty window", ratio: peer.fullUs / peer.emptyUs },
  });
}

/** Medians over rounds of both, one after the other. */
async function compareWindows(
  create: () => Windowed,
  { calls, perRound }: { calls: number; perRound: number },
): Promise<{ fullUs: number; emptyUs: number }> {
  const full = create();
  for (let i = 0; i < calls; i++) await full.call(false);
  const timesUs: { readonly full: number[]; readonly empty: number[] } = { full: [], empty: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const empty = create();
    timesUs.empty.push(await failUs(empty, perRound));
    timesUs.full.push(await failUs(full, perRound));
    empty.close();
  }
  full.close();
  return { fullUs: medianOf(timesUs.full), emptyUs: medianOf(timesUs.empty) };
}

async function failUs({ call }: Windowed, count: number): Promise<number> {
  const startMs = performance.now();
  for (let i = 0; i < count; i++) await call(true).catch(() => undefined);
  return ((performance.now() - startMs) * 1000) / count;
}

const medianOf = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
