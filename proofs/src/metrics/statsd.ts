import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMetrics } from "@scale/metrics";
import { statsdSink } from "@scale/metrics/statsd";
import { freePort, type Line, type SectionOptions, startDaemon, waitUntil } from "@scale/testkit";
import { StatsD } from "hot-shots";
import { line } from "../bound.js";

/** hot-shots into the server of the npm package statsd. */
export async function* statsd({ smoke }: SectionOptions): AsyncIterable<Line> {
  const folder = mkdtempSync(join(tmpdir(), "statsd-"));
  const [port, management] = [await freePort(), await freePort()];
  const config = join(folder, "config.js");
  // One long interval: counters are set to zero at its end.
  const settings = {
    port,
    mgmt_port: management,
    address: "127.0.0.1",
    mgmt_address: "127.0.0.1",
    flushInterval: 600_000,
    backends: [],
  };
  writeFileSync(config, `(${JSON.stringify(settings)})`);
  const program = createRequire(import.meta.url).resolve("statsd/stats.js");
  const server = await startDaemon(process.execPath, { args: [program, config], ready: /server is up/, cwd: folder });
  try {
    const errors: Error[] = [];
    const client = new StatsD({
      host: "127.0.0.1",
      port,
      maxBufferSize: 1200,
      errorHandler: (error) => void errors.push(error),
    });
    const metrics = createMetrics({ events: false, process: false, sinks: [statsdSink({ client })] });
    const counter = metrics.tenants.counter({ name: "statsd_events_total", help: "Events." }).bind({});
    const sent = smoke ? 100 : 10_000;
    for (let i = 0; i < sent; i++) counter.inc("acme");
    counter.inc("globex", 7);
    await metrics.close();
    await new Promise<void>((resolve) => {
      client.close(() => resolve());
    });
    const isThere = async (): Promise<boolean> => /acme/.test(await counters(management));
    await waitUntil(isThere, { what: "counters of statsd", timeoutMs: 60_000 }).catch(() => undefined);
    const text = await counters(management);
    const count = Number(/statsd_events_total[^:]*acme[^:]*: (\d+)/.exec(text)?.[1] ?? Number.NaN);
    yield line({
      proof: `metrics: StatsD into npm statsd, ${sent} events of a tenant, difference`,
      unit: "events",
      value: Math.abs(count - sent),
      bound: { atMost: 0 },
    });
    yield line({
      proof: "metrics: StatsD, errors of the client",
      unit: "errors",
      value: errors.length,
      bound: { atMost: 0 },
    });
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Asks the management port for the counters. */
function counters(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (part: string) => {
      text += part;
      if (text.includes("END")) socket.end(() => resolve(text));
    });
    socket.once("error", reject);
    socket.write("counters\n");
  });
}
