import { createManualClock } from "@scale/core/testing";
import { Histogram, Registry as PromRegistry, collectDefaultMetrics, Counter } from "prom-client";
import { afterEach, describe, expect, it } from "vitest";
import { parseText } from "../scenarios/index.js";
import { createMetrics, feedFail, type Metrics, type MetricsOptions } from "./index.js";
import { registerMetrics } from "./prom-client/index.js";

const open: Metrics[] = [];
const create = (options: MetricsOptions = {}): Metrics => {
  const metrics = createMetrics({ events: false, process: false, ...options });
  open.push(metrics);
  return metrics;
};
const textOf = async (metrics: Metrics, format: "text" | "openmetrics" = "text"): Promise<string> =>
  Buffer.concat((await metrics.render(format)).chunks).toString();
const samples = async (metrics: Metrics) =>
  new Map(parseText(await textOf(metrics)).map(({ series, value }) => [series, value]));

afterEach(async () => {
  await Promise.all(open.splice(0).map((metrics) => metrics.close()));
});

describe("counter, gauge, histogram", () => {
  it("keeps label sets apart whatever their values contain", async () => {
    const metrics = create();
    const family = metrics.counter({ name: "x_total", help: "X.", labels: ["a", "b"] });
    family.bind({ a: "1,b:2", b: "3" }).inc();
    family.bind({ a: "1", b: "2,b:3" }).inc(2);
    family.bind({ a: 'quote"\n\\', b: "" }).inc(3);
    expect(family.bind({ b: "3", a: "1,b:2" })).toBe(family.bind({ a: "1,b:2", b: "3" }));
    const found = parseText(await textOf(metrics)).filter(({ name }) => name === "x_total");
    expect(found.map(({ labels, value }) => [labels["a"], labels["b"], value])).toEqual([
      ["1,b:2", "3", 1],
      ["1", "2,b:3", 2],
      ['quote"\n\\', "", 3],
    ]);
  });

  it("refuses NaN, infinities and negative amounts, counts them as refused, and never throws", async () => {
    const metrics = create();
    const counter = metrics.counter({ name: "x_total", help: "X." }).bind({});
    const histogram = metrics.tenants.histogram({ name: "y_seconds", help: "Y." }).bind({});
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, "1" as never]) {
      if (typeof value === "number") counter.inc(value);
      histogram.observe("acme", value);
    }
    counter.inc(2);
    histogram.observe("acme", 1);
    const found = await samples(metrics);
    expect(found.get("x_total")).toBe(2);
    expect(found.get('y_seconds_count{tenant="acme"}')).toBe(1);
    expect(found.get('scale_metrics_refused_total{metric="x_total",reason="not-finite"}')).toBe(3);
    expect(found.get('scale_metrics_refused_total{metric="x_total",reason="negative"}')).toBe(1);
  });

  it("goes on counting past 2^53", async () => {
    const metrics = create();
    const counter = metrics.tenants.counter({ name: "x_total", help: "X." }).bind({});
    counter.inc("acme", 2 ** 53);
    for (let i = 0; i < 4; i++) counter.inc("acme");
    expect((await samples(metrics)).get('x_total{tenant="acme"}')).toBe(2 ** 53 + 4);
  });

  it("counts label sets above the bound together", async () => {
    const metrics = create({ maxLabelSets: 3 });
    const family = metrics.counter({ name: "x_total", help: "X.", labels: ["path"] });
    for (let i = 0; i < 100; i++) family.bind({ path: `/${i}` }).inc();
    const found = [...(await samples(metrics))].filter(([series]) => series.startsWith("x_total"));
    expect(found).toHaveLength(4);
    expect(found.at(-1)).toEqual(['x_total{path="other"}', 97]);
  });

  it.each([
    [{ name: "x", help: "X." }, /_total/],
    [{ name: "9_total", help: "X." }, /letters, digits/],
    [{ name: "x_total", help: "" }, /help/],
    [{ name: "x_total", help: "X.", labels: ["tenant"] }, /none of them/],
    [{ name: "x_total", help: "X.", labels: ["__proto__"] }, /labels of letters/],
    [{ name: "x_total", help: "X.", unit: "seconds" }, /_seconds/],
  ])("names what is wrong with %j", (options, message) => {
    expect(() => create().counter(options as never)).toThrow(message);
  });

  it("names labels that are missing or unknown, and a name that is used", () => {
    const metrics = create();
    const family = metrics.counter({ name: "x_total", help: "X.", labels: ["a"] });
    expect(() => family.bind({} as never)).toThrow(/label a: expected a string, got undefined/);
    expect(() => family.bind({ a: "1", b: "2" } as never)).toThrow(/got b/);
    expect(() => metrics.gauge({ name: "scale_queue_depth", help: "X." })).toThrow(/not used yet/);
  });
});

describe("render", () => {
  it("renders tenants, others, work without a tenant, and a tenant that is called other", async () => {
    const metrics = create({ tenants: { max: 3 } });
    const counter = metrics.tenants.counter({ name: "x_total", help: "X.", labels: ["a"] }).bind({ a: "1" });
    for (const tenant of ["__proto__", "other", "\ud800", "tail", undefined, ""]) counter.inc(tenant);
    const found = [...(await samples(metrics))].filter(([series]) => series.startsWith("x_total"));
    expect(Object.fromEntries(found)).toEqual({
      'x_total{a="1",tenant="other"}': 1,
      'x_total{a="1"}': 2,
      'x_total{a="1",tenant="__proto__"}': 1,
      'x_total{a="1",tenant="~other"}': 1,
      'x_total{a="1",tenant="~~ud800"}': 1,
    });
  });

  it("keeps buckets, count and sum of a histogram consistent in a scrape that is rendered while values arrive", async () => {
    const metrics = create({ sliceMs: 0.1, tenants: { max: 2000 } });
    const histogram = metrics.tenants.histogram({ name: "x_seconds", help: "X.", buckets: [0.25, 1, 4] }).bind({});
    const observe = (): void => {
      for (let tenant = 0; tenant < 1000; tenant++) histogram.observe(`t${tenant}`, 2);
    };
    observe();
    const rendering = metrics.render();
    let turns = 0;
    const spin = async (): Promise<void> => {
      for (; turns < 50; turns++) {
        observe();
        await new Promise<void>((resolve) => void setImmediate(resolve));
      }
    };
    await spin();
    const found = parseText(Buffer.concat((await rendering).chunks).toString());
    const counts = new Map(
      found.filter(({ name }) => name === "x_seconds_count").map(({ labels, value }) => [labels["tenant"], value]),
    );
    expect(counts.size).toBe(1000);
    // Series were read at different moments, each of them at one.
    expect(new Set(counts.values()).size).toBeGreaterThan(1);
    const wrong: unknown[] = [];
    for (const { name, labels, value } of found) {
      const count = counts.get(labels["tenant"]) ?? 0;
      if (name === "x_seconds_sum" && value !== 2 * count) wrong.push(labels);
      if (name === "x_seconds_bucket" && value !== (Number(labels["le"]) < 2 ? 0 : count)) wrong.push(labels);
    }
    expect(wrong).toEqual([]);
  });

  it("renders OpenMetrics with units, names without _total, exemplars and an end", async () => {
    const clock = createManualClock(1_700_000_000_000);
    const metrics = create({ clock, exemplar: () => ({ trace_id: "abc" }) });
    metrics.counter({ name: "x_bytes_total", help: 'A "quoted"\nhelp.', unit: "bytes" }).bind({}).inc();
    metrics
      .histogram({ name: "y_seconds", help: "Y.", unit: "seconds", buckets: [1, 2] })
      .bind({})
      .observe(1.5);
    const text = await textOf(metrics, "openmetrics");
    expect(text).toContain(
      '# HELP x_bytes A \\"quoted\\"\\nhelp.\n# TYPE x_bytes counter\n# UNIT x_bytes bytes\nx_bytes_total 1\n',
    );
    expect(text).toContain('y_seconds_bucket{le="2.0"} 1 # {trace_id="abc"} 1.5 1700000000\n');
    expect(text.endsWith("# EOF\n")).toBe(true);
  });

  it("shares one rendering between scrapes that overlap, and renders anew afterwards", async () => {
    const metrics = create();
    const [a, b] = [metrics.render(), metrics.render()];
    expect(await a).toBe(await b);
    expect(await metrics.render()).not.toBe(await a);
  });

  it("leaves out a collector that fails or never ends, and reports it", async () => {
    const metrics = create();
    const failed: string[] = [];
    const end = feedFail.subscribe(({ source }) => void failed.push(source));
    metrics.onCollect("throws", () => {
      throw new Error("x");
    });
    metrics.onCollect("hangs", () => new Promise<void>(() => undefined));
    expect(await textOf(metrics)).toContain("# TYPE scale_queue_depth gauge");
    end();
    expect(failed.toSorted()).toEqual(["hangs", "throws"]);
  });
});

describe("prom-client", () => {
  it("is part of our exposition, default metrics included, and its NaN is one that Prometheus reads", async () => {
    const registry = new PromRegistry();
    collectDefaultMetrics({ register: registry });
    new Counter({ name: "theirs_total", help: "Theirs.", labelNames: ["a"], registers: [registry] }).inc(
      { a: 'x"y' },
      3,
    );
    new Histogram({ name: "theirs_seconds", help: "Theirs.", registers: [registry], buckets: [1] }).observe(0.5);
    new Counter({ name: "scale_http_slow_requests_total", help: "Taken.", registers: [registry] }).inc(9);
    const metrics = create({ registry });
    const found = await samples(metrics);
    expect(found.get('theirs_total{a="x\\"y"}')).toBe(3);
    expect(found.get('theirs_seconds_bucket{le="1"}')).toBe(1);
    expect(found.get("process_cpu_user_seconds_total")).toBeGreaterThanOrEqual(0);
    expect(await textOf(metrics)).not.toContain("Nan");
    expect(found.get("scale_http_slow_requests_total")).toBeUndefined();
    expect((await textOf(metrics, "openmetrics")).includes("# TYPE theirs counter")).toBe(true);
    expect((await metrics.render("protobuf")).chunks.length).toBeGreaterThan(10);
  });

  it("renders our metrics in its registry, those of later included, and each of them once", async () => {
    const registry = new PromRegistry();
    const metrics = create({ registry });
    const remove = registerMetrics(metrics, registry);
    metrics.tenants.histogram({ name: "ours_seconds", help: "Ours." }).bind({}).observe("acme", 0.3);
    const text = await registry.metrics();
    expect(text).toContain('ours_seconds_bucket{le="0.5",tenant="acme"} 1');
    expect(text).toContain('ours_seconds_count{tenant="acme"} 1');
    parseText(text);
    parseText(await textOf(metrics));
    remove();
    expect(await registry.metrics()).not.toContain("ours_seconds");
  });
});

describe("takeDelta and merge", () => {
  it("adds processes up to the same series as one process, through tenants that lose and regain their series", async () => {
    const workers = [0, 1, 2].map(() => create({ tenants: { max: 3 } }));
    const primary = create({ tenants: { max: 50 } });
    const define = (metrics: Metrics) => ({
      counter: metrics.tenants.counter({ name: "x_total", help: "X.", labels: ["a"] }),
      histogram: metrics.tenants.histogram({ name: "x_seconds", help: "X." }),
    });
    const defined = workers.map(define);
    const leftOut: string[] = [];
    let events = 0;
    for (let round = 0; round < 60; round++) {
      defined.forEach(({ counter, histogram }, worker) => {
        for (let i = 0; i < 40; i++) {
          const tenant = `t${(round + worker * 3 + (i % 2)) % 9}`;
          counter.bind({ a: String(i % 2) }).inc(tenant);
          histogram.bind({}).observe(tenant, i / 10);
          events++;
        }
      });
      const deltas = workers.map((metrics) => metrics.takeDelta());
      for (const delta of deltas.toReversed()) leftOut.push(...primary.merge(delta!));
    }
    expect(leftOut).toEqual([]);
    expect(workers.map((metrics) => metrics.takeDelta())).toEqual([undefined, undefined, undefined]);
    const found = parseText(await textOf(primary));
    const sum = (name: string): number =>
      found.filter((sample) => sample.name === name).reduce((all, { value }) => all + value, 0);
    expect(sum("x_total")).toBe(events);
    expect(sum("x_seconds_count")).toBe(events);
    expect(found.filter(({ name, labels }) => name === "x_seconds_count" && labels["tenant"] === "t3")).toHaveLength(1);
  });

  it("refuses a message of another form, and leaves out a metric that is defined differently", () => {
    const [a, b] = [create(), create()];
    expect(() => a.merge("{}")).toThrow(expect.objectContaining({ code: "SCALE_INPUT" }));
    expect(() => a.merge("nonsense")).toThrow(/takeDelta/);
    a.counter({ name: "x_total", help: "X." }).bind({}).inc();
    b.counter({ name: "x_total", help: "X.", labels: ["l"] });
    expect(b.merge(a.takeDelta()!)).toEqual(["x_total"]);
  });
});
