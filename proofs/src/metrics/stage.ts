import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { channel } from "node:diagnostics_channel";
import { createMetrics, type Metrics, type MetricsSink } from "@scale/metrics";
import { catalogue } from "@scale/metrics/catalogue";
import { metricsAdmin } from "@scale/metrics/express";

export interface Stage {
  readonly metrics: Metrics;
  /** Address of the server with `/api/metrics`. */
  readonly target: string;
  stop(): Promise<void>;
}

/** A server with the metrics of this process. */
export async function startStage(sinks: readonly MetricsSink[] = []): Promise<Stage> {
  const metrics = createMetrics({ tenants: { max: 100 }, sinks });
  const middleware = metricsAdmin(metrics, { authorize: () => true });
  const server = createServer((request, response) => {
    void middleware(request, response, () => response.writeHead(404).end());
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    metrics,
    target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
      await metrics.close();
    },
  };
}

const TENANTS = ["acme", "globex", 'hostile"\n\\{}', "other"];

/** Something of everything that the catalogue counts. Called again and again, so that rates are above zero. */
export function liveOn({ record }: Metrics, round: number): void {
  for (const tenantId of TENANTS) {
    for (let i = 0; i < 10; i++) {
      const durationMs = 5 + ((round * 7 + i * 131) % 1500);
      record.request({ tenantId, method: "GET", route: "/items/:id", status: i === 0 ? 500 : 200, durationMs });
    }
    record.ai({
      tenantId,
      model: "m",
      durationMs: 800,
      success: round % 5 !== 0,
      costDollars: 0.01,
      inputTokens: 100,
      outputTokens: 20,
    });
    record.query({ tenantId, name: "report", durationMs: 1200, success: round % 2 === 0 });
    record.cacheRead({ tenantId, name: "product", layer: round % 3 === 0 ? "load" : "memory" });
    record.error({ tenantId, severity: "high", kind: "payment" });
    for (const name of channels)
      channel(name).publish({ ...MESSAGE, tenantId, layer: round % 3 === 0 ? "load" : "memory" });
  }
}

const channels = new Set(catalogue.map(({ from }) => from).filter((from) => from.startsWith("scale:")));

/** A message with the fields of every channel. */
const MESSAGE = {
  ...{
    limiter: "api",
    decision: { allowed: true, decidedBy: "store", cost: 1 },
    lane: "",
    stalled: true,
    used: "stale",
  },
  ...{
    name: "product",
    operation: "read",
    kept: true,
    isFirst: false,
    key: "eu",
    breaker: "payments",
    to: "open",
    from: "closed",
  },
  ...{
    reason: "x",
    router: "main",
    node: "replica-1",
    what: "tenant",
    lagMs: 40,
    durationMs: 1500,
    policy: "pay",
    state: "open",
  },
  ...{
    shedder: "http",
    isBraking: true,
    flag: "checkout",
    isDegraded: true,
    source: "redis",
    metric: "mails",
    units: 2,
    threshold: 0.8,
  },
  ...{
    decided: "allow",
    corrected: true,
    waitedMs: 20,
    code: "x",
    status: 400,
    sink: "statsd",
    queue: "emails",
    job: "welcome",
  },
  ...{
    waitMs: 5,
    ms: 30,
    outcome: "completed",
    schedule: "hourly",
    messages: 3,
    kind: "emails",
    permanent: false,
    start: "fresh",
  },
  ...{ count: 2, check: "database", group: "database", deduplicated: false, isFailed: true },
};

/** Objects of the application whose state is read at each exposition. */
export function watchAll({ watch }: Metrics): void {
  const memory = { bytes: 1000, maxBytes: 2000, entries: 3, evictions: { expired: 1 } };
  watch.cache("products", { stats: () => ({ memory }), health: () => ({ isMemoryServed: true }) });
  const pool = { total: 5, idle: 1, waiting: 0 };
  const node = { name: "replica-1", role: "replica", serves: "reads", lagMs: 40, pool };
  watch.router({ health: () => ({ name: "main", nodes: [node] }) }, 10);
  watch.queues(() => ({ emails: 3 }));
}
