import { expect } from "vitest";
import { failCalls, startCall, succeedCalls, type SuiteContext } from "./context.js";
import type { Row } from "./row.js";

/** Which calls open a breaker. */
export const windowRows: readonly Row[] = [
  { id: "E1", title: "opens at the rate of failures, once there are enough calls", run: opensAtRate },
  { id: "E6", title: "opens when too many calls are slow", run: slowCalls },
  { id: "E9", title: "counts the last calls, in a count window", run: countWindow },
  { id: "E10", title: "opens after failures in a row, in a consecutive window", run: consecutiveWindow },
  { id: "E16", title: "opens after failures in a row, if configured, whatever the rate", run: consecutiveFailures },
];

async function opensAtRate({ create }: SuiteContext): Promise<void> {
  const breaker = create({ minimumCalls: 10, failureRate: 0.4 });
  await succeedCalls(breaker, 6);
  await failCalls(breaker, 3);
  expect(breaker.state).toBe("closed");
  await failCalls(breaker, 2);
  expect(breaker.state).toBe("open");
}

async function slowCalls({ create, advance }: SuiteContext): Promise<void> {
  const breaker = create({ slowCall: { ms: 100, rate: 0.5 } });
  await succeedCalls(breaker, 2);
  for (let i = 0; i < 3; i++) {
    const call = startCall(breaker);
    await advance(100);
    call.resolve(1);
    await call.error;
  }
  expect(breaker.state).toBe("open");
}

async function countWindow({ create, advance }: SuiteContext): Promise<void> {
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
}

async function consecutiveWindow({ create, advance }: SuiteContext): Promise<void> {
  const breaker = create({ window: { type: "consecutive", failures: 3 } });
  await failCalls(breaker, 2);
  await succeedCalls(breaker, 1);
  await failCalls(breaker, 2);
  await advance(3_600_000);
  await failCalls(breaker, 2);
  expect(breaker.state).toBe("closed");
  await failCalls(breaker, 1);
  expect(breaker.state).toBe("open");
}

async function consecutiveFailures({ create, advance }: SuiteContext): Promise<void> {
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
}
