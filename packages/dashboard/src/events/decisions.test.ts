import { channel } from "node:diagnostics_channel";
import { createManualClock } from "@scale/core/testing";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { decisionsOf } from "./decision-texts.js";
import { createDecisionLog } from "./decisions.js";

function logging() {
  const clock = createManualClock(1_700_000_000_000);
  const log = createDecisionLog(clock);
  log.start();
  onTestFinished(() => log.stop());
  return { clock, log };
}

const limit = (name: string, remaining: number) => ({
  ...{ name, limit: 3, burst: 6, windowMs: 1_000, algorithm: "gcra" },
  ...{ remaining, retryAfterMs: remaining > 0 ? 0 : 340 },
});

function decide(tenantId: string, decision: object): void {
  channel("scale:rate-limit:request-decide").publish({ tenantId, decision });
}

const denied = { allowed: false, decidedBy: "store", violated: ["tenant-second"], limits: [limit("tenant-second", 0)] };

describe("createDecisionLog", () => {
  it("names the rule, what decided, and why, the newest first", () => {
    const { clock, log } = logging();
    const limits = [limit("tenant-second", 5), limit("user", 1)];
    decide("delta", { allowed: true, decidedBy: "store", violated: [], limits });
    clock.advance(1_000);
    decide("delta", denied);
    clock.advance(1_000);
    decide("delta", { ...denied, decidedBy: "local" });
    decide("amber", { allowed: true, decidedBy: "unlimited", violated: [], limits: [] });
    channel("scale:shed:request-shed").publish({ tenantId: "delta", reason: "no-room" });
    expect(log.of("delta").map(({ allowed, rule, by, why }) => [allowed, rule, by, why])).toEqual([
      [false, "share of the process", "the shedder", "the process is busy (no-room)"],
      [false, "tenant-second", "this process, without the store", "above 3 in 1 s, 6 at once; again in 340 ms"],
      [false, "tenant-second", "the store of the limiter", "above 3 in 1 s, 6 at once; again in 340 ms"],
      [true, "user", "the store of the limiter", "1 left (3 in 1 s, 6 at once)"],
    ]);
    expect(log.of("amber")).toMatchObject([{ rule: "no rule", by: "the plan", why: "nothing limits it" }]);
    expect(log.of("nobody")).toEqual([]);
  });

  it("counts the same decision of a second once, with its last reason", () => {
    const { log } = logging();
    for (const remaining of [5, 4, 3]) {
      decide("delta", { allowed: true, decidedBy: "store", violated: [], limits: [limit("user", remaining)] });
      decide("delta", denied);
    }
    expect(log.of("delta").map(({ count, why }) => [count, why])).toEqual([
      [3, "above 3 in 1 s, 6 at once; again in 340 ms"],
      [3, "3 left (3 in 1 s, 6 at once)"],
    ]);
  });

  it("keeps a bounded number of decisions, of a bounded number of tenants", () => {
    const { clock, log } = logging();
    for (let n = 0; n < 100; n++) {
      decide("delta", denied);
      clock.advance(1_000);
    }
    expect(log.of("delta")).toHaveLength(30);
    for (let n = 0; n < 1_000; n++) decide(`tenant-${n}`, denied);
    expect(log.of("delta")).toEqual([]);
    expect(log.of("tenant-0")).toHaveLength(1);
  });

  it("keeps denials for longer than admissions", () => {
    const { clock, log } = logging();
    decide("delta", denied);
    for (let n = 0; n < 100; n++) {
      clock.advance(1_000);
      decide("delta", { ...denied, allowed: true, violated: [] });
    }
    expect(log.of("delta").map(({ allowed }) => allowed)).toEqual([...Array.from({ length: 29 }, () => true), false]);
  });

  it("listens to nothing before it starts and after it stops, and forgets a minute later", () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { log } = logging();
    decide("delta", denied);
    log.stop();
    expect(channel("scale:rate-limit:request-decide").hasSubscribers).toBe(false);
    vi.advanceTimersByTime(59_000);
    log.start();
    vi.advanceTimersByTime(59_000);
    expect(log.of("delta")).toHaveLength(1);
    log.stop();
    vi.advanceTimersByTime(60_000);
    expect(log.of("delta")).toEqual([]);
  });

  it.each(Object.keys(decisionsOf))("survives every message of %s, and shows no object of it", (name) => {
    const { log } = logging();
    const secret = { password: "s3cret", toString: () => "s3cret" };
    const fields = ["decision", "node", "reason", "breaker", "policy", "metric", "used", "limit", "state"];
    const hostile = Object.fromEntries(fields.map((field) => [field, secret]));
    const decision = { allowed: false, decidedBy: "__proto__", violated: [secret], limits: [secret, null, 3] };
    for (const message of [{}, hostile, { ...hostile, tenantId: "a" }, { ...hostile, tenantId: secret }]) {
      channel(name).publish(message);
      channel(name).publish({ ...message, decision });
    }
    expect(JSON.stringify(log.of("a"))).not.toContain("s3cret");
  });
});
