import { channel } from "node:diagnostics_channel";
import { createManualClock } from "@scale/core/testing";
import { seededRandom } from "@scale/testkit";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createMetrics } from "../index.js";
import { metricsSource, type MetricsSourceOptions } from "./index.js";

function start(options: MetricsSourceOptions = {}) {
  const clock = createManualClock(1_700_000_000_000);
  const metrics = createMetrics({ process: false, clock });
  const source = metricsSource(metrics, { clock, ...options });
  onTestFinished(async () => {
    source.close();
    await metrics.close();
  });
  const respond = (tenantId: string | undefined, status: number | undefined, count = 1, durationMs = 10): void => {
    for (let i = 0; i < count; i++) metrics.record.request({ tenantId, method: "GET", route: "/", status, durationMs });
  };
  /** Ends the present second, as the timer does. */
  const nextSecond = async (seconds = 1): Promise<void> => {
    await source.read();
    clock.advance(seconds * 1000);
  };
  return { clock, metrics, source, respond, nextSecond };
}

const publish = (name: string, message: unknown, count = 1): void => {
  for (let i = 0; i < count; i++) channel(name).publish(message);
};

describe("metricsSource", () => {
  it("gives each second what was recorded in it, whether the timer fires before or after its end", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { clock, source, respond } = start();
    await source.read();
    const random = seededRandom(20_261_130);
    for (let second = 0; second < 50; second++) {
      clock.advance(500);
      respond("acme", 200, 10);
      const lateMs = random() * 40 - 1;
      clock.advance(500 + lateMs);
      await vi.runOnlyPendingTimersAsync();
      clock.advance(-lateMs);
    }
    clock.advance(500);
    const { seconds } = await source.read();
    expect(seconds.slice(-50).map(({ admitted }) => admitted)).toEqual(Array.from({ length: 50 }, () => 10));
  });

  it("counts the requests of each of the last 60 seconds, the present one when it is over", async () => {
    const { source, respond, nextSecond } = start();
    respond("acme", 200, 3);
    respond("acme", 429, 2);
    respond(undefined, 500);
    respond("zeta", undefined);
    expect((await source.read()).requests.admitted).toBe(0);
    await nextSecond();
    respond("acme", 200, 5, 100);
    await nextSecond();
    const { seconds, requests } = await source.read();
    expect(seconds).toHaveLength(60);
    const [first, second] = seconds.slice(-2);
    expect(first).toMatchObject({ admitted: 4, denied: 2, failed: 1 });
    expect(second).toMatchObject({ admitted: 5, denied: 0, failed: 0 });
    expect(seconds[0]).toEqual({ admitted: 0, denied: 0, failed: 0, p50: null, p95: null, p99: null });
    expect(Math.abs((second?.p50 ?? 0) - 100)).toBeLessThan(4.5);
    expect(requests).toMatchObject({ admitted: 9, denied: 2, failed: 1, perSecond: 6 });
    await nextSecond(60);
    expect((await source.read()).requests).toMatchObject({ admitted: 0, denied: 0, failed: 0, p50: null });
  });

  it("counts the 503 of a shedder and of a limiter's policy, and the 403 of a quota, as denied", async () => {
    const { source, respond, nextSecond } = start();
    publish("scale:shed:request-shed", { shedder: "api", tenantId: "acme", reason: "share" }, 2);
    respond("acme", 503, 3);
    publish("scale:rate-limit:request-decide", {
      limiter: "api",
      tenantId: "acme",
      decision: { allowed: false, decidedBy: "policy", cost: 1 },
    });
    // Its response is in the next sample.
    await nextSecond();
    respond("acme", 503);
    publish("scale:quota:use-refuse", { tenantId: "acme", metric: "mails" });
    respond("acme", 403, 2);
    await nextSecond();
    const [first, second] = (await source.read()).seconds.slice(-2);
    expect(first).toMatchObject({ admitted: 0, denied: 3, failed: 0 });
    expect(second).toMatchObject({ admitted: 1, denied: 1, failed: 1 });
  });

  it("lets a refusal outside of HTTP explain no response of a later second", async () => {
    const { source, respond, nextSecond } = start();
    publish("scale:shed:request-shed", { shedder: "jobs", tenantId: "acme", reason: "share" }, 50);
    await nextSecond();
    await nextSecond();
    respond("acme", 503);
    await nextSecond();
    expect((await source.read()).requests).toMatchObject({ denied: 0, failed: 1 });
  });

  it("leaves out what was recorded before", async () => {
    const clock = createManualClock(1_700_000_000_000);
    const metrics = createMetrics({ process: false, clock });
    metrics.record.request({ tenantId: "acme", method: "GET", route: "/", status: 200, durationMs: 1 });
    metrics.record.cacheRead({ tenantId: "acme", name: "product", layer: "memory" });
    const source = metricsSource(metrics, { clock });
    onTestFinished(async () => {
      source.close();
      await metrics.close();
    });
    await source.read();
    clock.advance(1000);
    const { requests, tenants, tabs } = await source.read();
    expect([requests.admitted, tenants]).toEqual([0, []]);
    expect(tabs.cache?.tables?.[0]?.rows).toEqual([["product", "memory", 0, 1]]);
  });

  it("lists the busiest tenants, and those in trouble, with their plans", async () => {
    const { source, respond, nextSecond } = start({ tenants: 2, planOf: (id) => (id === "busy" ? "pro" : undefined) });
    respond("busy", 200, 100);
    respond("second", 200, 50);
    respond("fine", 200, 40);
    respond("refused", 429, 20);
    respond("slow", 200, 12, 900);
    respond("rare", 500);
    await nextSecond();
    const { tenants } = await source.read();
    expect(tenants.map(({ tenantId }) => tenantId)).toEqual(["busy", "second", "refused", "slow"]);
    expect(tenants[0]).toMatchObject({ plan: "pro", admitted: 100 });
    expect(tenants[3]?.p99).toBeGreaterThan(850);
    await nextSecond(61);
    expect((await source.read()).tenants).toEqual([]);
  });

  it("forgets a slow minute when it is over", async () => {
    const { source, respond, nextSecond } = start();
    for (let second = 0; second < 90; second++) {
      respond("acme", 200, 100, second < 20 ? 900 : 10);
      await nextSecond();
    }
    expect((await source.read()).tenants[0]?.p99).toBeLessThan(11);
  });

  it("fills the tabs from the events and the watched objects", async () => {
    const { metrics, source, nextSecond } = start();
    const depths: Record<string, number> = { mails: 3 };
    metrics.watch.queues(() => depths);
    const pool = { total: 10, idle: 4, waiting: 1 };
    const node = { name: "replica-1", role: "replica", serves: "reads", lagMs: 40, pool };
    metrics.watch.router({ health: () => ({ name: "main", nodes: [node] }) });
    for (const layer of ["memory", "memory", "store", "load"] as const)
      metrics.record.cacheRead({ tenantId: "acme", name: "product", layer });
    publish("scale:breaker:state-change", { breaker: "pay", key: "eu", from: "closed", to: "open", reason: "rate" });
    const { tabs } = await source.read();
    expect(Object.keys(tabs)).toEqual(["cache", "database", "queues", "resilience"]);
    expect(tabs.database?.tables).toEqual([
      {
        caption: "Servers",
        columns: ["Router", "Server", "Serves", "Lag", "Connections in use", "Idle", "Waiting"],
        rows: [["main", "replica-1", "yes", "40 ms", 6, 4, 1]],
      },
    ]);
    expect(tabs.queues?.tables?.[0]?.rows).toEqual([["mails", 3]]);
    expect(tabs.resilience?.tables?.[0]?.rows).toEqual([["pay", "eu", "yes", "yes"]]);
    await nextSecond();
    const hits = (await source.read()).tabs.cache?.tiles?.[0];
    expect(hits).toEqual({ label: "Hit ratio", value: "75%", note: "of 4 reads in 60 s" });
  });

  it("is not held up by an object that does not answer", async () => {
    const { metrics, source } = start();
    await source.read();
    metrics.watch.queues(() => new Promise(() => undefined));
    const before = performance.now();
    await source.read();
    await source.read();
    expect(performance.now() - before).toBeLessThan(500);
  });

  it("has a page for each tenant with series, whatever its id contains, and finds tenants by a part of their id", async () => {
    const { source, respond } = start({
      planOf: () => "free",
      tenantDetails: async (tenantId) => ({ tiles: [{ label: "Id", value: tenantId }] }),
    });
    for (const tenantId of ["__proto__", "Acme", "the acme", "zeta"]) respond(tenantId, 200);
    expect(source.search("acme")).toEqual(["Acme", "the acme"]);
    const details = await source.tenant("__proto__");
    expect(details).toMatchObject({ tenantId: "__proto__", plan: "free" });
    expect(details?.tiles?.at(-1)).toEqual({ label: "Id", value: "__proto__" });
    expect(details?.tables?.[0]?.rows).toEqual([["Requests by the outcome of their response.", "outcome success", 1]]);
    expect(await source.tenant("nobody")).toBeUndefined();
  });

  it("shows what other processes recorded", async () => {
    const worker = createMetrics({ events: false, process: false });
    onTestFinished(() => worker.close());
    worker.record.request({ tenantId: "acme", method: "GET", route: "/", status: 200, durationMs: 20 });
    const { metrics, source, nextSecond } = start();
    metrics.merge(worker.takeDelta() ?? "");
    await nextSecond();
    expect((await source.read()).tenants).toMatchObject([{ tenantId: "acme", admitted: 1 }]);
  });

  it("refuses wrong options, and what are no metrics", () => {
    expect(() => metricsSource({} as never)).toThrow(/expected metrics of createMetrics/);
    const metrics = createMetrics({ events: false, process: false });
    onTestFinished(() => metrics.close());
    expect(() => metricsSource(metrics, { tenants: 0 })).toThrow(/metricsSource/);
  });
});
