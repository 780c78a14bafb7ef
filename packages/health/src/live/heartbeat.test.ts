import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { createHeartbeat } from "./heartbeat.js";

const OPTIONS = { maxDelayMs: 5_000, forMs: 60_000 };

/** A heartbeat whose beats come when the test says. */
function manual(options: Parameters<typeof createHeartbeat>[0] = OPTIONS) {
  const clock = createManualClock();
  const heartbeat = createHeartbeat(options, clock);
  const beatLateBy = (ms: number): void => {
    const dueAt = clock.monotonic() + 1_000;
    clock.advance(1_000 + ms);
    heartbeat.beat(dueAt);
  };
  return { heartbeat, clock, beatLateBy };
}

describe("createHeartbeat", () => {
  it("is alive while beats are on time", () => {
    const { heartbeat, beatLateBy } = manual();
    for (let beat = 0; beat < 100; beat++) beatLateBy(100);
    expect(heartbeat.report()).toEqual({ status: "pass", eventLoopDelayMs: 100 });
  });

  it("is dead when every beat of a minute was late, and alive again after one that is not", () => {
    const { heartbeat, beatLateBy } = manual();
    for (let beat = 0; beat < 9; beat++) beatLateBy(5_000);
    expect(heartbeat.report().status).toBe("pass");
    beatLateBy(5_000);
    expect(heartbeat.report().status).toBe("fail");
    beatLateBy(0);
    expect(heartbeat.report().status).toBe("pass");
  });

  it("survives one long computation, and a machine that was suspended for an hour", () => {
    const { heartbeat, beatLateBy, clock } = manual();
    beatLateBy(3_600_000);
    expect(heartbeat.report().status).toBe("pass");
    clock.advance(3_600_000);
    expect(heartbeat.report().status).toBe("pass");
  });

  it("is always alive without a limit", () => {
    const { heartbeat, beatLateBy } = manual(false);
    for (let beat = 0; beat < 100; beat++) beatLateBy(50_000);
    expect(heartbeat.report().status).toBe("pass");
  });
});
