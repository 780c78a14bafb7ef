import { watchCpuStarvation } from "@scale/testkit";

const EVERY_MS = 2;

export interface Outcome<T> {
  /** Milliseconds on the monotonic clock. */
  readonly dueAt: number;
  readonly doneAt: number;
  /** Time since it was due, without the time in which the machine did not run this process. */
  readonly latencyMs: number;
  readonly answer: T | undefined;
  /** `undefined` with an answer. */
  readonly error: unknown;
}

export interface Traffic<T> {
  /** In the order of their end. */
  readonly outcomes: readonly Outcome<T>[];
  /** Number of started calls, which is the index of the next one. */
  readonly begun: number;
  /** Resolves after all calls have ended. */
  stop(): Promise<void>;
}

/** Open-loop traffic: calls `work` at a steady rate, whether earlier calls have ended or not. */
export function startTraffic<T>(perSecond: number, work: (n: number) => Promise<T>): Traffic<T> {
  const outcomes: Outcome<T>[] = [];
  const open = new Set<Promise<void>>();
  const starvation = watchCpuStarvation(EVERY_MS);
  const startedAt = performance.now();
  let begun = 0;
  let timer: NodeJS.Timeout | undefined;

  async function one(n: number): Promise<void> {
    const dueAt = startedAt + (n * 1_000) / perSecond;
    const [answer, error] = await work(n).then(
      (value) => [value, undefined] as const,
      (reason: unknown) => [undefined, reason ?? "rejected"] as const,
    );
    const doneAt = performance.now();
    outcomes.push({ dueAt, doneAt, latencyMs: doneAt - dueAt - starvation.between(dueAt, doneAt), answer, error });
  }

  function beginDue(): void {
    starvation.tick();
    const due = ((performance.now() - startedAt) * perSecond) / 1_000;
    while (begun < due) {
      const current = one(begun++).finally(() => open.delete(current));
      open.add(current);
    }
    timer = setTimeout(beginDue, EVERY_MS);
  }

  beginDue();
  return {
    outcomes,
    get begun() {
      return begun;
    },
    async stop() {
      clearTimeout(timer);
      await Promise.all(open);
    },
  };
}
