import { describe, expect, it, onTestFinished } from "vitest";
import { parseText } from "../../scenarios/index.js";
import { createMetrics, feedFail, type Metrics } from "../index.js";
import type { WatchedRouter } from "./packages.js";

const create = (): Metrics => {
  const metrics = createMetrics({ events: false, process: false, sliceMs: 0.1 });
  onTestFinished(() => metrics.close());
  return metrics;
};

async function seriesOf(metrics: Metrics, name: string): Promise<Record<string, number>> {
  const text = Buffer.concat((await metrics.render()).chunks).toString();
  return Object.fromEntries(
    parseText(text)
      .filter((sample) => sample.name === name)
      .map(({ labels, value }) => [Object.values(labels).join(" "), value]),
  );
}

type Node = ReturnType<WatchedRouter["health"]>["nodes"][number];

const node = (name: string, more: Partial<Node> = {}): Node => ({
  ...{ name, role: "replica", serves: "reads", lagMs: 40, pool: { total: 3, idle: 1, waiting: 0 } },
  ...more,
});

describe("watch", () => {
  it("shows every router, each with its present nodes and their present roles", async () => {
    const metrics = create();
    const nodes = [node("a"), node("b", { role: "primary", lagMs: undefined })];
    const end = metrics.watch.router({ health: () => ({ name: "main", nodes }) }, 10);
    metrics.watch.router({ health: () => ({ name: "reports", nodes: [node("r")] }) });
    const serving = () => seriesOf(metrics, "scale_db_node_serving");
    expect(await serving()).toEqual({ "main a replica": 1, "main b primary": 1, "reports r replica": 1 });
    expect(await seriesOf(metrics, "scale_db_node_lag_seconds")).toEqual({ "main a": 0.04, "reports r": 0.04 });
    nodes.splice(0, 2, node("b", { serves: "nothing" }));
    expect(await serving()).toEqual({ "main b replica": 0, "reports r replica": 1 });
    const connections = Object.keys(await seriesOf(metrics, "scale_db_pool_connections"));
    expect(connections.filter((series) => series.startsWith("main"))).toEqual([
      ...["main b in-use", "main b idle", "main b waiting"],
    ]);
    end();
    expect(await serving()).toEqual({ "reports r replica": 1 });
    expect(await seriesOf(metrics, "scale_db_pool_usage_ratio")).toEqual({});
  });

  it("forgets a queue, and a cache, that is not there any more", async () => {
    const metrics = create();
    const depths: Record<string, number> = { mails: 3, __proto__x: 1 };
    const ends = [
      metrics.watch.queues(() => ({ ...depths })),
      metrics.watch.cache("products", {
        stats: () => ({ memory: { bytes: 1, maxBytes: 2, entries: 3, evictions: { cold: 1 } } }),
        health: () => ({ isMemoryServed: true }),
      }),
    ];
    expect(await seriesOf(metrics, "scale_queue_depth")).toEqual({ mails: 3, __proto__x: 1 });
    delete depths["mails"];
    expect(await seriesOf(metrics, "scale_queue_depth")).toEqual({ __proto__x: 1 });
    expect(await seriesOf(metrics, "scale_cache_memory_entries")).toEqual({ products: 3 });
    for (const end of ends) end();
    expect(await seriesOf(metrics, "scale_queue_depth")).toEqual({});
    expect(await seriesOf(metrics, "scale_cache_memory_entries")).toEqual({});
  });

  it("counts the reads of a cache by layer, each once", async () => {
    const metrics = create();
    const counts = { memoryHits: 90, storeHits: 5, staleHits: 2, loads: 3 };
    metrics.watch.cache("products", {
      stats: () => ({ memory: { bytes: 1, maxBytes: 2, entries: 3, evictions: {} }, counts }),
      health: () => ({ isMemoryServed: true }),
    });
    const reads = () => seriesOf(metrics, "scale_cache_reads_total");
    expect(await reads()).toEqual({ "products memory": 92, "products store": 5, "products load": 3 });
    counts.memoryHits += 8;
    expect(await reads()).toEqual({ "products memory": 100, "products store": 5, "products load": 3 });
    expect(await reads()).toMatchObject({ "products memory": 100 });
  });

  it("asks a server that does not answer once, and reports it at each exposition", async () => {
    const metrics = create();
    let calls = 0;
    let isDown = true;
    let answer: (depths: Record<string, number>) => void = () => undefined;
    metrics.watch.queues(() => {
      calls++;
      return isDown ? new Promise((resolve) => (answer = resolve)) : { mails: 3 };
    });
    const failures: string[] = [];
    const end = feedFail.subscribe(({ source }) => void failures.push(source));
    await metrics.render();
    await metrics.render();
    end();
    expect([calls, failures]).toEqual([1, ["queues", "queues"]]);
    isDown = false;
    answer({ mails: 2 });
    await expect.poll(() => seriesOf(metrics, "scale_queue_depth"), { timeout: 10_000 }).toEqual({ mails: 3 });
  });
});
