import type { Clock } from "@scale/core";
import { inRootContext } from "@scale/core/kit";
import type { Delta } from "../deltas/delta-reader.js";
import { createSlicer } from "../exposition/slices.js";
import { feedFail } from "../events.js";
import type { Metrics } from "../types.js";
import { CounterWindow } from "./counter-window.js";
import { RequestWindow } from "./request-window.js";
import { Tallies, TALLIED } from "./tallies.js";
import { TAB_COUNTERS, TAB_GAUGES } from "./tabs.js";
import type { SketchRange } from "../sketch/rows.js";

const SECOND = 1000;
const SLICE_MS = 1;
const COUNTERS: ReadonlySet<string> = new Set([...TALLIED, ...TAB_COUNTERS]);
const GAUGES: ReadonlySet<string> = new Set(TAB_GAUGES);

/** The last minute of a process, sampled once a second. */
export interface Sampler {
  readonly requests: RequestWindow;
  readonly counters: CounterWindow;
  /** First whole second that was sampled. */
  readonly since: number;
  /** Reads what was recorded until now. @returns the present second */
  sample(): Promise<number>;
  /** Sets the gauges. */
  readGauges(): Promise<void>;
  close(): void;
}

export function createSampler(metrics: Metrics, range: SketchRange, clock: Clock): Sampler {
  const reader = metrics.reader();
  const requests = new RequestWindow(range);
  const counters = new CounterWindow();
  const tallies = new Tallies();
  const secondNow = (): number => Math.floor(clock.monotonic() / SECOND);
  const since = secondNow();
  let isFirst = true;

  /** @param ending the second that ends about now: a timer fires a little before or after that */
  async function take(ending = Number.NEGATIVE_INFINITY): Promise<number> {
    const present = secondNow();
    const slicer = createSlicer(SLICE_MS, clock);
    const recordedIn = present - ending <= 1 ? ending : present;
    // The first reading is what was recorded before: it belongs to no second.
    const second = isFirst ? undefined : recordedIn;
    for (const delta of reader.read(COUNTERS)) {
      if (delta.kind === "amount") counters.count(delta, second);
      tallies.add(delta);
      if (slicer.isOver()) await slicer.pause();
    }
    for (const settled of tallies.settle()) if (second !== undefined) requests.add(second, settled);
    requests.forgetIdle(present);
    isFirst = false;
    return present;
  }

  // Begins at once: what was recorded until now is of the past.
  let last: Promise<unknown> = take().catch(reportFailure);
  // One after another, so that each caller gets what was recorded until its call.
  const sample = (ending?: number): Promise<number> => {
    const taken = last.then(() => take(ending));
    last = taken.catch(() => undefined);
    return taken;
  };
  const timer = everySecond(sample, clock);
  return {
    ...{ requests, counters, since, sample: () => sample() },
    async readGauges() {
      try {
        await reader.collect();
        const levels = [...reader.read(GAUGES)].filter((delta): delta is Level => delta.kind === "level");
        counters.setLevels(levels, GAUGES);
      } catch (error) {
        reportFailure(error);
      }
    },
    close() {
      timer.stop();
      reader.close();
    },
  };
}

type Level = Extract<Delta, { kind: "level" }>;

const reportFailure = (error: unknown): void => feedFail.publish(() => ({ source: "dashboard", error }));

/** Samples at the end of each second. The process may end meanwhile. */
function everySecond(sample: (ending: number) => Promise<number>, clock: Clock): { stop(): void } {
  let isOpen = true;
  let ending = Math.floor(clock.monotonic() / SECOND);
  let timer = arm();
  function arm(): NodeJS.Timeout {
    const left = (ending + 1) * SECOND - clock.monotonic();
    return inRootContext(() => setTimeout(tick, Math.max(0, left)).unref());
  }
  function tick(): void {
    const ended = ending;
    ending = Math.max(ended + 1, Math.floor(clock.monotonic() / SECOND));
    void sample(ended)
      .catch(reportFailure)
      .finally(() => {
        if (isOpen) timer = arm();
      });
  }
  return {
    stop() {
      isOpen = false;
      clearTimeout(timer);
    },
  };
}
