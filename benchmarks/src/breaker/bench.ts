import { compareAll, type Line, type Measured, type SectionOptions } from "@scale/testkit";
import { line } from "../gate.js";
import { cockatiel, opened, opossum, ours } from "./contenders.js";
import { memory } from "./memory.js";
import { fullWindow } from "./full-window.js";

/** Calls per measured operation: starting and awaiting an operation costs as much as a call through a breaker. */
const BATCH = 100;

/** What does a breaker add to a call, and what does it cost when it refuses, when it has seen much, and when it is idle? */
export async function* breaker(options: SectionOptions): AsyncIterable<Line> {
  yield* closedPath(options);
  yield* openPath(options);
  yield* fullWindow(options);
  yield* memory(options);
}

async function* closedPath({ smoke }: SectionOptions): AsyncIterable<Line> {
  const work = async (): Promise<number> => 1;
  const field = { ours: ours(work), cockatiel: cockatiel(work), opossum: opossum(work) };
  const sides = await compareAll(
    {
      ours: repeated(field.ours.call),
      bare: repeated(work),
      cockatiel: repeated(field.cockatiel.call),
      opossum: repeated(field.opossum.call),
    },
    rounds(smoke),
  );
  for (const { close } of Object.values(field)) close();
  const bench = "breaker: closed, a call that succeeds";
  yield beside(bench, sides.ours, { side: sides.cockatiel, against: "cockatiel, sampling breaker", gate: 1.2 });
  yield beside(bench, sides.ours, { side: sides.opossum, against: "opossum with its defaults", gate: 0.35 });
  yield beside(bench, sides.ours, { side: sides.bare, against: "await of the action alone" });
}

async function* openPath({ smoke }: SectionOptions): AsyncIterable<Line> {
  const work = (): Promise<never> => Promise.reject(new Error("down"));
  const field = {
    ours: await opened(ours(work)),
    cockatiel: await opened(cockatiel(work)),
    opossum: await opened(opossum(work)),
  };
  const sides = await compareAll(
    {
      ours: repeated(refused(field.ours.call)),
      cockatiel: repeated(refused(field.cockatiel.call)),
      opossum: repeated(refused(field.opossum.call)),
    },
    rounds(smoke),
  );
  for (const { close } of Object.values(field)) close();
  const bench = "breaker: open, a call that is refused";
  yield beside(bench, sides.ours, { side: sides.opossum, against: "opossum with its defaults", gate: 0.6 });
  yield beside(bench, sides.ours, { side: sides.cockatiel, against: "cockatiel, sampling breaker" });
}

const rounds = (smoke: boolean) =>
  smoke ? { rounds: 1, warmup: 0, durationMs: 20 } : { rounds: 25, warmup: 3, durationMs: 60 };

const refused = (call: () => Promise<unknown>) => async (): Promise<void> => {
  try {
    await call();
  } catch {
    return;
  }
  throw new Error("expected an open breaker, got a call that was admitted");
};

function repeated(call: () => Promise<unknown>): () => Promise<void> {
  return async () => {
    for (let i = 0; i < BATCH; i++) await call();
  };
}

interface Peer {
  readonly side: Measured;
  readonly against: string;
  /** Greatest ratio of our time to the peer's. */
  readonly gate?: number;
}

/** Our time over that of the peer. */
function beside(bench: string, own: Measured, { side, against, gate }: Peer): Line {
  const nsOf = ({ opsPerSecond }: Measured): number => 1e9 / opsPerSecond / BATCH;
  return line({
    ...{ bench, unit: "ns", ours: nsOf(own), peer: nsOf(side), against },
    ratio: own.ratio / side.ratio,
    ...(gate !== undefined && { gate: { atMost: gate } }),
  });
}
