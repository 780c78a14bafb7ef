import { channel } from "node:diagnostics_channel";
import { readFileSync } from "node:fs";
import { findProgram, runPromtool } from "@scale/testkit";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { parseText } from "../../scenarios/index.js";
import { createMetrics, type Metrics } from "../index.js";
import { catalogue, dashboards } from "./index.js";

const open: Metrics[] = [];
const create = (): Metrics => {
  const metrics = createMetrics({ process: false });
  open.push(metrics);
  return metrics;
};
const textOf = async (metrics: Metrics): Promise<string> => Buffer.concat((await metrics.render()).chunks).toString();
const here = (path: string): string => new URL(path, import.meta.url).pathname;

afterEach(async () => {
  await Promise.all(open.splice(0).map((metrics) => metrics.close()));
});

const channels = [...new Set(catalogue.map(({ from }) => from).filter((from) => from.startsWith("scale:")))];
/** Counted where they are published, or beside another event. */
const NOT_COUNTED = new Set(["scale:metrics:request-end", "scale:metrics:problem-end"]);

describe("catalogue", () => {
  it("has a metric for every event of every package", () => {
    const page = readFileSync(here("../../../../docs/reference/events.md"), "utf8");
    const documented = [...page.matchAll(/^\| `(scale:[\w-]+:[\w-]+)`/gm)].map(([, name]) => name);
    expect(documented.length).toBeGreaterThan(40);
    expect(documented.filter((name) => !channels.includes(name!) && !NOT_COUNTED.has(name!))).toEqual([]);
    expect(channels.filter((name) => !documented.includes(name))).toEqual([]);
  });

  it("records the fields of messages, for their tenant", async () => {
    const metrics = create();
    const publish = (name: string, message: unknown): void => channel(name).publish(message);
    const decision = { allowed: false, decidedBy: "store", cost: 1 };
    publish("scale:rate-limit:request-decide", { limiter: "api", tenantId: "acme", decision });
    publish("scale:rate-limit:request-decide", { limiter: "api", tenantId: "~no-tenant", decision });
    publish("scale:rate-limit:request-decide", {
      limiter: "api",
      tenantId: "acme",
      decision: { ...decision, cost: 0 },
    });
    publish("scale:breaker:state-change", {
      breaker: "pay",
      key: undefined,
      from: "closed",
      to: "open",
      reason: "manual",
    });
    publish("scale:db-router:route-choose", {
      tenantId: "acme",
      router: "r",
      to: "replica",
      node: "n",
      reason: "read",
      lagMs: 40,
    });
    publish("scale:db-router:route-choose", {
      tenantId: undefined,
      router: "r",
      to: "primary",
      node: "p",
      reason: "write",
    });
    publish("scale:quota:overage-use", { tenantId: "acme", metric: "mails", units: 7 });
    metrics.record.cacheRead({ tenantId: "acme", name: "product", layer: "memory" });
    const found = new Map(parseText(await textOf(metrics)).map(({ series, value }) => [series, value]));
    const labels = 'limiter="api",outcome="denied",decided_by="store"';
    expect(found.get(`scale_rate_limit_decisions_total{${labels},tenant="acme"}`)).toBe(1);
    expect(found.get(`scale_rate_limit_decisions_total{${labels}}`)).toBe(1);
    expect(found.get('scale_breaker_open{breaker="pay",key=""}')).toBe(1);
    expect(found.get('scale_db_replica_lag_seconds_count{router="r",node="n"}')).toBe(1);
    expect(found.get('scale_db_routes_total{router="r",to="primary",node="p",reason="write"}')).toBe(1);
    expect(found.get('scale_quota_overage_units_total{metric="mails",tenant="acme"}')).toBe(7);
    expect(found.get('scale_cache_reads_total{name="product",layer="memory",tenant="acme"}')).toBe(1);
  });

  it("never breaks a publisher: hostile messages are left out and reported, and nothing is uncaught", async () => {
    const metrics = create();
    const uncaught: unknown[] = [];
    const onUncaught = (error: unknown): void => void uncaught.push(error);
    process.on("uncaughtException", onUncaught);
    const throwing = new Proxy(
      {},
      {
        get() {
          throw new Error("hostile");
        },
      },
    );
    const messages = [undefined, null, 7, "x", [], {}, { tenantId: 5, units: "many", decision: 3 }, throwing];
    for (const name of channels) for (const message of messages) channel(name).publish(message);
    await new Promise<void>((resolve) => void setImmediate(resolve));
    process.off("uncaughtException", onUncaught);
    expect(uncaught).toEqual([]);
    const failures = parseText(await textOf(metrics)).filter(
      ({ name }) => name === "scale_metrics_feed_failures_total",
    );
    expect(failures.length).toBeGreaterThan(channels.length - 5);
  });

  it("stops listening when the metrics are closed", async () => {
    const metrics = create();
    await metrics.close();
    expect(channels.filter((name) => channel(name).hasSubscribers)).toEqual([]);
  });

  it("has dashboards whose queries name metrics of the catalogue only", () => {
    const known = new Set(catalogue.flatMap(({ name }) => [name, `${name}_bucket`]));
    const used = dashboards.flatMap(({ panels }) => panels.flatMap(({ queries }) => queries.map(({ expr }) => expr)));
    const names = used.flatMap((expr) => expr.match(/\bscale_\w+/g) ?? []);
    expect(names.length).toBeGreaterThan(catalogue.length - 1);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe("promtool", () => {
  let promtool: ReturnType<typeof findProgram>;
  beforeAll(() => {
    promtool = findProgram("promtool");
  }, 120_000);

  it("finds nothing in an exposition with every metric and hostile tenants", async (context) => {
    if (promtool.is === "missing") {
      context.skip(promtool.reason);
      return;
    }
    const metrics = create();
    for (const tenantId of ["acme", "other", "~", "\ud800", 'a"b\n\\', "\u{1f4a1}", "__proto__", undefined]) {
      metrics.record.request({ tenantId, method: "GET", route: "/", status: 500, durationMs: 1200 });
      metrics.record.ai({ tenantId, model: "m", durationMs: 900, success: true, costDollars: 0.01, inputTokens: 5 });
      metrics.record.query({ tenantId, name: "q", durationMs: 2000 });
      metrics.record.error({ tenantId, severity: "high", kind: "k" });
    }
    const { code, output } = runPromtool(promtool.path, ["check", "metrics"], await textOf(metrics));
    expect(output).toBe("");
    expect(code).toBe(0);
  });

  it("accepts the rules, and every rule fires and stays quiet as its test says", (context) => {
    if (promtool.is === "missing") {
      context.skip(promtool.reason);
      return;
    }
    expect(runPromtool(promtool.path, ["check", "rules", here("../../rules.yml")])).toMatchObject({ code: 0 });
    const { code, output } = runPromtool(promtool.path, ["test", "rules", here("../../rules.test.yml")]);
    expect(output).toContain("SUCCESS");
    expect(code).toBe(0);
  });
});
