// A program of `node:cluster`: workers record and send, the primary process adds up and prints what it got, as JSON.
import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { parseText } from "../scenarios/index.js";
import { receiveFromWorkers, sendToPrimary } from "../src/cluster/index.js";
import { createMetrics } from "../src/index.js";

/** Output of the program. Counts are by worker. */
export interface ClusterResult {
  readonly recorded: Readonly<Record<string, number>>;
  readonly counted: Readonly<Record<string, number>>;
  readonly observed: Readonly<Record<string, number>>;
  /** Counts of the worker that was killed, when it was, as the primary process had them one after another. */
  readonly killedCounts: readonly number[];
  readonly failures: number;
}

const EVENTS = 3000;
const CHUNK = 100;
const SEND_MS = 5;
const KILLED = "killed";

const metrics = createMetrics({ tenants: { max: 5 }, events: false, process: false });
const counter = metrics.tenants.counter({ name: "x_total", help: "X.", labels: ["worker"] });
const histogram = metrics.tenants.histogram({ name: "y_seconds", help: "Y.", labels: ["worker"] });

interface Progress {
  readonly worker: string;
  readonly recorded: number;
}

async function work(worker: string): Promise<void> {
  const end = sendToPrimary(metrics, SEND_MS);
  const [events, values] = [counter.bind({ worker }), histogram.bind({ worker })];
  // The one that is killed goes on until it is.
  const all = worker === KILLED ? Number.POSITIVE_INFINITY : EVENTS;
  for (let recorded = CHUNK; recorded <= all; recorded += CHUNK) {
    for (let i = 0; i < CHUNK; i++) {
      events.inc(`tenant-${i % 20}`);
      values.observe(`tenant-${i % 20}`, 0.1);
    }
    process.send?.({ worker, recorded } satisfies Progress);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await end();
  process.disconnect();
}

async function sums(name: string): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const sample of parseText(Buffer.concat((await metrics.render()).chunks).toString())) {
    if (sample.name !== name) continue;
    const worker = sample.labels["worker"] ?? "";
    found[worker] = (found[worker] ?? 0) + sample.value;
  }
  return found;
}

async function primary(): Promise<ClusterResult> {
  let failures = 0;
  const stop = receiveFromWorkers(metrics, () => failures++);
  const recorded: Record<string, number> = {};
  cluster.on("message", (_worker, message: Partial<Progress>) => {
    if (message.worker !== undefined) recorded[message.worker] = message.recorded ?? 0;
  });
  const start = (worker: string): Worker => cluster.fork({ WORKER_NAME: worker });
  // Messages come before the end of their channel, which may come after the end of the process.
  const ended = (worker: Worker) => Promise.all([once(worker, "exit"), once(worker, "disconnect")]);
  const clean = ["a", "b"].map(start).map(ended);
  const killed = start(KILLED);
  const killedCounts: number[] = [];
  while ((killedCounts.at(-1) ?? 0) < 5 * CHUNK) {
    await new Promise((resolve) => setTimeout(resolve, SEND_MS));
    killedCounts.push((await sums("x_total"))[KILLED] ?? 0);
  }
  const gone = ended(killed);
  killed.process.kill("SIGKILL");
  await gone;
  killedCounts.push((await sums("x_total"))[KILLED] ?? 0);
  await Promise.all([...clean, ended(start("replacement"))]);
  stop();
  return { recorded, counted: await sums("x_total"), observed: await sums("y_seconds_count"), killedCounts, failures };
}

if (cluster.isPrimary) process.stdout.write(`${JSON.stringify(await primary())}\n`);
else await work(process.env["WORKER_NAME"] ?? "");
