import { createBreaker } from "@scale/breaker";
import { createManualClock } from "@scale/core/testing";
import { bool, createFlags, defineFlags, memorySource } from "@scale/flags";
import { type Admission, createShedder } from "@scale/shed";
import { afterEach, expect, it } from "vitest";
import { createResilienceMetrics, type ResilienceMetrics } from "./resilience-metrics.js";

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

function start() {
  const clock = createManualClock();
  const breaker = createBreaker({ name: "rates", clock, minimumCalls: 2, open: { baseMs: 1000, jitter: 0 } });
  const definitions = defineFlags({ exports: bool({ default: true }), warming: bool({ default: true }) });
  const flags = createFlags({ flags: definitions, source: memorySource(), clock });
  const shedder = createShedder({ concurrency: 2, maxWaitMs: 0, eventLoopDelayMs: false, clock });
  const service = { isStuck: false };
  const metrics: ResilienceMetrics = createResilienceMetrics(
    { rates: { client: { breaker }, service }, flags, shedder },
    clock,
  );
  opened.push(metrics.stop, flags.close, shedder.close);
  return { clock, breaker, flags, shedder, service, metrics };
}

it("shows the state of each breaker, why it changed, and the calls it refused", async () => {
  const { clock, breaker, metrics, service } = start();
  expect(metrics.read()).toMatchObject({
    isUpstreamStuck: false,
    breakers: [{ name: "rates", key: null, state: "closed", reason: null, changedAgoMs: null }],
  });
  service.isStuck = true;
  const down = (): Promise<never> => Promise.reject(new Error("down"));
  for (let i = 0; i < 4; i++) await breaker.run(down).catch(() => undefined);
  clock.advance(300);
  expect(metrics.read()).toMatchObject({
    isUpstreamStuck: true,
    breakers: [{ state: "open", reason: "failure-rate", changedAgoMs: 300 }],
    refusedCalls: { last: 2, total: 2 },
  });
});

it("shows the value of each flag, and the reason", async () => {
  const { clock, flags, metrics } = start();
  await flags.kill("exports", { by: "ann" });
  clock.advance(2000);
  expect(metrics.read().flags).toEqual([
    { flag: "exports", value: "false", reason: "KILLED", from: "live", ageMs: 2000 },
    { flag: "warming", value: "true", reason: "DEFAULT", from: "live", ageMs: 2000 },
  ]);
});

it("shows the load, its highest point, and refusals by tenant", async () => {
  const { clock, shedder, metrics } = start();
  const admit = (tenantId: string): Admission => shedder.admit({ tenantId }) as Admission;
  const held = [admit("a"), admit("b")];
  metrics.sample();
  for (let i = 0; i < 3; i++) admit("hog");
  admit("a");
  for (const each of held) if (each.admitted) each.release();
  expect(metrics.read().shed).toMatchObject({
    ...{ level: "shedding", isBraking: false, inFlight: 0, highestInFlight: 2, limit: 2 },
    refused: { last: 4, total: 4 },
    tenants: [
      { tenantId: "hog", refused: { last: 3, total: 3 }, reason: "no-room" },
      { tenantId: "a", refused: { last: 1, total: 1 }, reason: "no-room" },
    ],
  });
  clock.advance(60_000);
  expect(metrics.read().shed).toMatchObject({ level: "normal", highestInFlight: 0, refused: { last: 0, total: 4 } });
});

it("counts nothing after it was stopped, and keeps a row for a thousand tenants", () => {
  const { shedder, metrics } = start();
  const held = Array.from({ length: 2 }, () => shedder.admit({ tenantId: "a" }));
  for (let i = 0; i < 1100; i++) void shedder.admit({ tenantId: `t${i}` });
  expect(metrics.read().shed.refused.total).toBe(1100);
  expect(metrics.read().shed.tenants).toHaveLength(10);
  metrics.stop();
  void shedder.admit({ tenantId: "late" });
  expect(metrics.read().shed.refused.total).toBe(1100);
  expect(held).toHaveLength(2);
});
