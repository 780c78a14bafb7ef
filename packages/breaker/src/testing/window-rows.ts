import { expect } from "vitest";
import { failCalls, startCall, succeedCalls, type SuiteContext } from "./context.js";
import { type Row, row } from "./row.js";

/** Which calls open a breaker. */
export const windowRows: readonly Row[] = [
  row("E1", "opens at the rate of failures, once there are enough calls", async ({ create }: SuiteContext) => {
    const breaker = create({ minimumCalls: 10, failureRate: 0.4 });
    await succeedCalls(breaker, 6);
    await failCalls(breaker, 3);
    expect(breaker.state).toBe("closed");
    await failCalls(breaker, 2);
    expect(breaker.state).toBe("open");
  }),
  row("E6", "opens when too many calls are slow", async ({ create, advance }: SuiteContext) => {
    const breaker = create({ slowCall: { ms: 100, rate: 0.5 } });
    await succeedCalls(breaker, 2);
    for (let i = 0; i < 3; i++) {
      const call = startCall(breaker);
      await advance(100);
      call.resolve(1);
      await call.error;
    }
    expect(breaker.state).toBe("open");
  }),
  row("E9", "counts the last calls, in a count window", async ({ create, advance }: SuiteContext) => {
    const breaker = create({ window: { type: "count", calls: 10 }, minimumCalls: 10 });
    await failCalls(breaker, 4);
    await succeedCalls(breaker, 6);
    // The window has slid: the first failures are gone.
    await succeedCalls(breaker, 4);
    await failCalls(breaker, 4);
    expect(breaker.state).toBe("closed");
    await failCalls(breaker, 1);
    expect(breaker.state).toBe("open");
    const idle = create({ window: { type: "count", calls: 6, staleAfterMs: 60_000 }, minimumCalls: 6 });
    await failCalls(idle, 5);
    await advance(3_600_000);
    await failCalls(idle, 1);
    expect(idle.state).toBe("closed");
  }),
  row("E10", "opens after failures in a row, in a consecutive window", async ({ create, advance }: SuiteContext) => {
    const breaker = create({ window: { type: "consecutive", failures: 3 } });
    await failCalls(breaker, 2);
    await succeedCalls(breaker, 1);
    await failCalls(breaker, 2);
    await advance(3_600_000);
    await failCalls(breaker, 2);
    expect(breaker.state).toBe("closed");
    await failCalls(breaker, 1);
    expect(breaker.state).toBe("open");
  }),
  row(
    "E16",
    "opens after failures in a row, if configured, whatever the rate",
    async ({ create, advance }: SuiteContext) => {
      const breaker = create({ consecutiveFailures: 4 });
      await succeedCalls(breaker, 100);
      await failCalls(breaker, 3);
      await succeedCalls(breaker, 1);
      await failCalls(breaker, 3);
      await advance(3_600_000);
      await failCalls(breaker, 3);
      expect(breaker.state).toBe("closed");
      await failCalls(breaker, 1);
      expect(breaker.state).toBe("open");
    },
  ),
];
