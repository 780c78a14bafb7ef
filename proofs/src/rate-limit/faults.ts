import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type CpuStarvation, type Line, percentile, type SectionOptions, seededRandom } from "@scale/testkit";
import {
  countsOf,
  FAULTS,
  killOneMaster,
  latencies,
  type Observed,
  pass,
  refusedPart,
  startFaultLoad,
  startFaultStage,
  suffer,
  type Suffered,
  TIMEOUT_MS,
  wrong,
} from "@scale/rate-limit/scenarios";
import { line } from "../bound.js";

const SEED = 20_261_120;
/** A decision may be this much later than its deadline. */
const SLACK_MS = 20;
/** The same for the tenants of a dead master: for each command that fails, the client reads the slots of the Cluster again. */
const DEAD_MASTER_SLACK_MS = 40;

/** Is every decision made in time and by the chosen policy while Redis fails in any way, and by Redis soon after? */
export async function* faults({ smoke }: SectionOptions): AsyncIterable<Line> {
  const cycles = smoke ? 1 : 5;
  const random = seededRandom(SEED);
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", note);
  const stage = await startFaultStage();
  const load = startFaultLoad(stage.limiter);
  const suffered: Suffered[] = [];
  try {
    await pass(smoke ? 300 : 2000); // The first decisions compile code.
    for (let cycle = 0; cycle < cycles; cycle++) {
      for (const fault of FAULTS) {
        const lengthMs = smoke ? 100 : 100 + random() * 1400;
        suffered.push(await suffer(fault, { stage, load, lengthMs }));
        await pass(random() * 200);
      }
    }
  } finally {
    await load.stop();
    await stage.close();
    process.off("unhandledRejection", note);
  }
  for (const { name, isHarmless = false } of FAULTS) {
    const ofIt = suffered.filter(({ fault }) => fault.name === name);
    yield* judge(ofIt, { name, isHarmless, starvation: load.starvation });
  }
  yield line({
    proof: "rate-limit: unhandled rejections through all faults",
    unit: "rejections",
    value: unhandled.length,
    bound: { atMost: 0 },
  });
}

interface Judged {
  readonly name: string;
  readonly isHarmless: boolean;
  readonly starvation: CpuStarvation;
}

function* judge(suffered: readonly Suffered[], { name, isHarmless, starvation }: Judged): Iterable<Line> {
  const during = suffered.flatMap((one) => one.during);
  const about = `rate-limit: ${name} x ${suffered.length} (seed ${SEED})`;
  yield* decided(about, during, { starvation });
  yield line({
    proof: `${about}, part that Redis did not decide`,
    unit: "part",
    value: refusedPart(during, starvation),
    bound: isHarmless ? { atMost: 0.02 } : { atLeast: 0.01 },
  });
  yield line({
    proof: `${about}, slowest recovery`,
    unit: "ms",
    value: Math.max(...suffered.map(({ recoveryMs }) => recoveryMs)),
    bound: { atMost: 1000 },
  });
}

/** The machine runs other things too: what it kept this process waiting would be added to any deadline. */
function* decided(
  about: string,
  observed: readonly Observed[],
  { starvation, slackMs = SLACK_MS }: { starvation: CpuStarvation; slackMs?: number },
): Iterable<Line> {
  const sorted = latencies(observed, starvation);
  const atMost = TIMEOUT_MS + slackMs;
  yield line({ proof: `${about}, decisions`, unit: "decisions", value: sorted.length, bound: { atLeast: 100 } });
  yield line({
    proof: `${about}, against their rules' policies`,
    unit: "decisions",
    value: wrong(observed).length,
    bound: { atMost: 0 },
  });
  yield line({ proof: `${about}, p99 of a decision`, unit: "ms", value: percentile(sorted, 0.99), bound: { atMost } });
  yield line({
    proof: `${about}, slowest decision but for the time in which the machine ran others`,
    unit: "ms",
    value: sorted.at(-1) ?? Infinity,
    bound: { atMost },
  });
}

/** Is all that is admitted counted, and does nothing pile up, while connections fail and Redis keeps its data? */
export async function* counts({ smoke }: SectionOptions): AsyncIterable<Line> {
  const stage = await startFaultStage();
  const load = startFaultLoad(stage.limiter);
  try {
    for (const fault of FAULTS.filter(({ losesData }) => !losesData)) {
      await suffer(fault, { stage, load, lengthMs: smoke ? 100 : 1000 });
    }
    await load.stop();
    const { admitted, counted } = await countsOf(stage, load.observed);
    const about = "rate-limit: through all faults but loss of data";
    yield line({ proof: `${about}, admitted by Redis`, unit: "units", value: admitted, bound: { atLeast: 100 } });
    yield line({
      proof: `${about}, not counted of it`,
      unit: "units",
      value: admitted - counted,
      bound: { atMost: 0 },
    });
  } finally {
    await load.stop();
    await stage.close();
  }
  yield* frozen(smoke ? 500 : 5000);
}

/** Heap growth by requests that are never answered. */
async function* frozen(lengthMs: number): AsyncIterable<Line> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const heap = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const stage = await startFaultStage();
  let until = performance.now() + 500;
  let asked = 0;
  const ask = async (): Promise<void> => {
    while (performance.now() < until) {
      await stage.limiter.check({ tenantId: `tenant-${asked++}` }, { group: "open", groupOnly: true });
      // Refusals come at once; the event loop must turn for the server's sake.
      if (asked % 100 === 0) await pass(0);
    }
  };
  try {
    await ask(); // The first decisions compile code.
    stage.server.pause();
    const before = heap();
    until = performance.now() + lengthMs;
    asked = 0;
    await Promise.all(Array.from({ length: 50 }, ask));
    const growth = heap() - before;
    stage.server.resume();
    const about = "rate-limit: Redis frozen under a closed loop of 50";
    yield line({ proof: `${about}, decisions`, unit: "decisions", value: asked, bound: { atLeast: 1000 } });
    yield line({ proof: `${about}, heap growth`, unit: "MiB", value: growth / 2 ** 20, bound: { atMost: 10 } });
  } finally {
    await stage.close();
  }
}

/** Do the masters that live go on when one of three dies? */
export async function* cluster({ smoke }: SectionOptions): AsyncIterable<Line> {
  const { living, dead, starvation, recoveryMs } = await killOneMaster(smoke ? 500 : 5000);
  const about = "rate-limit: one of three masters killed";
  yield* decided(`${about}, tenants of the others`, living, { starvation });
  yield line({
    proof: `${about}, part of the others' that Redis did not decide`,
    unit: "part",
    value: refusedPart(living, starvation),
    bound: { atMost: 0.02 },
  });
  yield* decided(`${about}, its own tenants`, dead, { starvation, slackMs: DEAD_MASTER_SLACK_MS });
  yield line({ proof: `${about}, recovery`, unit: "ms", value: recoveryMs, bound: { atMost: 5000 } });
}
