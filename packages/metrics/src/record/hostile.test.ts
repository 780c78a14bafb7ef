import { describe, expect, it, onTestFinished } from "vitest";
import { parseText } from "../../scenarios/index.js";
import { createMetrics, type Metrics, type MetricsOptions } from "../index.js";

const create = (options: MetricsOptions = {}): Metrics => {
  const metrics = createMetrics({ events: false, process: false, ...options });
  onTestFinished(() => metrics.close());
  return metrics;
};
const samples = async (metrics: Metrics) =>
  new Map(
    parseText(Buffer.concat((await metrics.render()).chunks).toString()).map(({ series, value }) => [series, value]),
  );

describe("recordings of untyped code", () => {
  it("leave a sum as it is when their amount is a string", async () => {
    const metrics = create();
    const counter = metrics.counter({ name: "x_total", help: "X." }).bind({});
    const histogram = metrics.tenants.histogram({ name: "y_seconds", help: "Y." }).bind({});
    counter.inc(10);
    histogram.observe("acme", 10);
    counter.inc("5" as never);
    histogram.observe("acme", "5" as never);
    const found = await samples(metrics);
    expect([found.get("x_total"), found.get('y_seconds_sum{tenant="acme"}')]).toEqual([10, 10]);
    expect(found.get('scale_metrics_refused_total{metric="x_total",reason="not-finite"}')).toBe(1);
  });

  it("never make a sum infinite", async () => {
    const metrics = create();
    const counter = metrics.counter({ name: "x_total", help: "X." }).bind({});
    const histogram = metrics.histogram({ name: "y_seconds", help: "Y." }).bind({});
    for (let i = 0; i < 3; i++) {
      counter.inc(Number.MAX_VALUE);
      histogram.observe(Number.MAX_VALUE);
      metrics.record.ai({ model: "m", durationMs: 1, success: true, costDollars: Number.MAX_VALUE });
    }
    counter.inc(3);
    histogram.observe(1);
    const found = await samples(metrics);
    expect([found.get("x_total"), found.get("y_seconds_sum")]).toEqual([3, 1]);
    expect(found.get('scale_metrics_refused_total{metric="x_total",reason="too-large"}')).toBe(3);
    expect([...found.values()].filter((value) => !Number.isFinite(value))).toEqual([]);
  });

  it.each([5, null, true, Symbol("acme"), {}, ["acme"]])(
    "count as work without a tenant when the tenant is %s",
    async (tenantId) => {
      const metrics = create();
      const counter = metrics.tenants.counter({ name: "x_total", help: "X." }).bind({});
      counter.inc(tenantId as never);
      metrics.record.request({ tenantId: tenantId as never, method: "GET", route: "/", status: 200, durationMs: 1 });
      const found = await samples(metrics);
      expect([found.get("x_total"), found.get('scale_http_requests_total{outcome="success"}')]).toEqual([1, 1]);
    },
  );

  it("count as others when the id of the tenant is longer than ids may be, and reach other processes", async () => {
    const worker = create();
    const counter = worker.tenants.counter({ name: "x_total", help: "X." }).bind({});
    counter.inc("a".repeat(1025));
    counter.inc("acme");
    const primary = create();
    expect(primary.merge(worker.takeDelta() ?? "")).toEqual([]);
    const found = [...(await samples(primary))].filter(([series]) => series.startsWith("x_total"));
    expect(Object.fromEntries(found)).toEqual({ 'x_total{tenant="other"}': 1, 'x_total{tenant="acme"}': 1 });
  });

  it("do not throw for labels that are missing", async () => {
    const metrics = create();
    const missing = undefined as never;
    metrics.record.error({ tenantId: "acme", severity: "high", kind: missing });
    metrics.record.ai({ model: missing, durationMs: missing, success: true });
    metrics.record.query({ name: missing, durationMs: 1 });
    metrics.record.cacheRead({ name: missing, layer: missing });
    metrics.record.request({ tenantId: "acme", method: missing, route: missing, status: 200, durationMs: missing });
    const found = await samples(metrics);
    expect(found.get('scale_errors_total{severity="high",kind="",tenant="acme"}')).toBe(1);
    expect(found.get('scale_http_requests_total{outcome="success",tenant="acme"}')).toBe(1);
  });
});

describe("tenants", () => {
  it("need twice the traffic of another one to take its series, unless the options say something else", () => {
    const metrics = create({ tenants: { max: 1 } });
    const counter = metrics.tenants.counter({ name: "x_total", help: "X." }).bind({});
    for (let i = 0; i < 100; i++) counter.inc("first");
    for (let i = 0; i < 190; i++) counter.inc("second");
    expect(metrics.tenants.ids()).toEqual(["first"]);
    for (let i = 0; i < 20; i++) counter.inc("second");
    expect(metrics.tenants.ids()).toEqual(["second"]);
  });

  it("have their counters by metric and labels", () => {
    const metrics = create();
    const orders = metrics.tenants.counter({ name: "orders_total", help: "Orders.", labels: ["channel"] });
    orders.bind({ channel: "web" }).inc("acme", 2);
    orders.bind({ channel: "shop" }).inc("zeta");
    expect(metrics.tenants.counts("acme")).toEqual([
      { name: "orders_total", help: "Orders.", labels: [["channel", "web"]], value: 2 },
    ]);
    expect(metrics.tenants.counts("nobody")).toBeUndefined();
  });
});

describe("merge", () => {
  it("leaves out a metric that cannot be defined here, and adds the others", async () => {
    const metrics = create();
    const change = { labels: [], tenant: "none", amount: 2 };
    const metric = { help: "X.", type: "counter", labels: [], perTenant: false, changes: [change] };
    const message = {
      version: 1,
      metrics: [
        { ...metric, name: "no name" },
        { ...metric, name: "fine_total" },
      ],
    };
    expect(metrics.merge(JSON.stringify(message))).toEqual(["no name"]);
    expect((await samples(metrics)).get("fine_total")).toBe(2);
  });
});
