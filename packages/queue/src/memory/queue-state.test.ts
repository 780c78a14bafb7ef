import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { NewJob } from "../store.js";
import { virtualClock } from "../testing/virtual-clock.js";
import { QueueState } from "./queue-state.js";

const DAY_MS = 86_400_000;
const RETENTION = { finished: { count: 0, ageMs: 0 }, dead: { count: 0, ageMs: 0 } };

function open() {
  const clock = virtualClock();
  const state = new QueueState({ name: "q", charge: "count", retention: RETENTION }, clock);
  const add = (tenantId: string, runAtMs?: number) => {
    const job: NewJob = {
      ...{ id: randomUUID(), name: "n", version: 1, payload: "{}", tenantId, priority: "normal", cost: 1 },
      ...{ maxAttempts: 1, maxCrashes: 1, enqueuedAtMs: clock.now() },
      share: { weight: 1, maxInFlight: 1, maxBacklog: Infinity },
      ...(runAtMs !== undefined && { runAtMs }),
    };
    state.add([job]);
    return job.id;
  };
  const cancel = (id: string) => {
    const entry = state.index.get(id)!;
    state.withdraw(entry);
    state.end(entry, "cancelled");
  };
  return { clock, state, add, cancel };
}

describe("QueueState", () => {
  it("forgets a tenant that has had no job for a day, and keeps the share of one that has", async () => {
    const { clock, state, add, cancel } = open();
    for (const tenantId of ["gone", "later", "paused"]) cancel(add(tenantId));
    add("later", clock.now() + 3 * DAY_MS);
    state.paused.add("paused");
    await clock.advance(DAY_MS - 1);
    cancel(add("other"));
    expect(state.scheduler.inspect("gone")).toBeDefined();
    await clock.advance(1);
    cancel(add("other"));
    expect(state.scheduler.inspect("gone")).toBeUndefined();
    for (const tenantId of ["later", "paused", "other"]) expect(state.scheduler.inspect(tenantId)).toBeDefined();
  });
});
