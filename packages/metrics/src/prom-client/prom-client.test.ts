import { Counter, Gauge, Registry } from "prom-client";
import { describe, expect, it, onTestFinished } from "vitest";
import { createMetrics, feedFail, type Metrics, type MetricsOptions } from "../index.js";
import { registerMetrics } from "./index.js";

const create = (options: MetricsOptions = {}): Metrics => {
  const metrics = createMetrics({ events: false, process: false, ...options });
  onTestFinished(() => metrics.close());
  return metrics;
};
const textOf = async (metrics: Metrics): Promise<string> => Buffer.concat((await metrics.render()).chunks).toString();

describe("a prom-client registry in our exposition", () => {
  it("is rendered without a metric whose collector hangs, which is called once and reported", async () => {
    const registry = new Registry();
    let calls = 0;
    const hanging = {
      name: "hangs",
      help: "H.",
      registers: [registry],
      collect: (): Promise<void> => {
        calls++;
        return new Promise(() => undefined);
      },
    };
    const made = [new Gauge(hanging), new Counter({ name: "fine_total", help: "F.", registers: [registry] })];
    expect(made).toHaveLength(2);
    const failures: string[] = [];
    onTestFinished(feedFail.subscribe(({ error }) => void failures.push(String(error))));
    const metrics = create({ registry });
    for (let scrape = 1; scrape <= 2; scrape++) {
      const text = await textOf(metrics);
      expect(text).toContain("fine_total 0");
      expect(text).not.toContain("hangs");
      expect(failures).toHaveLength(scrape);
    }
    expect(calls).toBe(1);
    expect(failures[0]).toContain("collector of hangs");
  });

  it("keeps its default labels, and a metric's own label of that name", async () => {
    const registry = new Registry();
    registry.setDefaultLabels({ app: "shop", zone: "a" });
    new Gauge({ name: "own", help: "O.", labelNames: ["zone"], registers: [registry] }).set({ zone: "b" }, 1);
    expect(await textOf(create({ registry }))).toContain('own{app="shop",zone="b"} 1');
  });
});

describe("registerMetrics", () => {
  it("registers nothing when one of the names is used", () => {
    const registry = new Registry();
    new Gauge({ name: "scale_queue_depth", help: "Theirs.", registers: [registry] }).set(1);
    expect(() => registerMetrics(create(), registry)).toThrow(/scale_queue_depth/);
    expect(registry.getMetricsAsArray()).toHaveLength(1);
  });

  it("refuses a second createMetrics, and leaves the first one as it is", async () => {
    const registry = new Registry();
    const first = create();
    const end = registerMetrics(first, registry);
    const { length } = registry.getMetricsAsArray();
    expect(() => registerMetrics(create(), registry)).toThrow(/already been registered/);
    first.counter({ name: "later_total", help: "L." }).bind({}).inc(2);
    expect(registry.getMetricsAsArray()).toHaveLength(length + 1);
    expect(await registry.metrics()).toContain("later_total 2");
    end();
    expect(registry.getMetricsAsArray()).toHaveLength(0);
  });

  it("leaves out a metric that is defined later under a name of the registry, and reports it", () => {
    const registry = new Registry();
    const metrics = create();
    const end = registerMetrics(metrics, registry);
    new Counter({ name: "theirs_total", help: "T.", registers: [registry] }).inc();
    const failures: string[] = [];
    onTestFinished(feedFail.subscribe(({ source }) => void failures.push(source)));
    metrics.counter({ name: "theirs_total", help: "Ours." }).bind({}).inc();
    expect(failures).toEqual(["prom-client theirs_total"]);
    end();
    expect(registry.getMetricsAsArray()).toHaveLength(1);
  });
});
