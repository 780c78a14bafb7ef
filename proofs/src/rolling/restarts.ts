import { setTimeout as sleep } from "node:timers/promises";
import { type Daemon, freePort, type Line, type Load, startLoad } from "@scale/testkit";
import { line } from "../bound.js";
import { type Balancer, PROBE_FALL, PROBE_MS, startBalancer } from "./balancer.js";
import type { Instances } from "./instance.js";
import type { InstanceOptions } from "./instance.worker.js";

const SERVERS = 3;
const REQUESTS_PER_SECOND = 300;
/** Requests that are in flight when the signal comes. */
const SLOW_MS = 300;
/** Five times the time that the balancer needs to see that a server is not ready. */
const DELAY_MS = 5 * PROBE_MS * PROBE_FALL;

interface Outcome {
  readonly answers: number;
  readonly failed: number;
  /** Processes that ended with another code than 0, or by the signal. */
  readonly unclean: number;
}

/** Does a rolling restart lose a request? One server after the other gets SIGTERM and is started again, under load. */
export async function* restarts(haproxy: string, instances: Instances, smoke: boolean): AsyncIterable<Line> {
  const times = smoke ? 1 : 20;
  const own = await roll({ haproxy, instances, kind: "ours", times });
  const plain = await roll({ haproxy, instances, kind: "node", times: Math.min(times, 5) });
  const about = `rolling: ${times} × SIGTERM, haproxy in front, under ${REQUESTS_PER_SECOND} requests/s`;
  const count = (proof: string, value: number, bound: { atLeast: number } | { atMost: number }): Line =>
    line({ proof: `${about}, ${proof}`, unit: "requests", value, bound });
  yield count("answers", own.answers, { atLeast: smoke ? 1 : 5_000 });
  yield count("failed", own.failed, { atMost: 0 });
  yield line({
    proof: `${about}, processes that did not exit with 0`,
    unit: "processes",
    value: own.unclean,
    bound: { atMost: 0 },
  });
  // A control: without it the restarts would prove nothing.
  yield count("failed without a drain", plain.failed, { atLeast: 1 });
}

interface Roll extends Pick<InstanceOptions, "kind"> {
  readonly haproxy: string;
  readonly instances: Instances;
  readonly times: number;
}

async function roll({ haproxy, instances, kind, times }: Roll): Promise<Outcome> {
  const ports = await Promise.all(Array.from({ length: SERVERS }, () => freePort()));
  const start = (port: number): Promise<Daemon> => instances.start({ port, kind, delayMs: DELAY_MS });
  const servers = await Promise.all(ports.map(start));
  const balancer: Balancer = await startBalancer(haproxy, [{ name: "crm", servers: ports }]);
  let load: Load | undefined;
  try {
    load = startLoad({
      url: `${balancer.urlOf("crm")}/work`,
      requestsPerSecond: REQUESTS_PER_SECOND,
      headers: (n) => ({ "x-work-ms": String(n % 10 === 0 ? SLOW_MS : 0) }),
    });
    await sleep(500);
    let unclean = 0;
    for (let time = 0; time < times; time++) {
      const at = time % SERVERS;
      const [server, port = 0] = [servers[at], ports[at]];
      server?.signal("SIGTERM");
      const exit = await server?.exited;
      if (exit?.code !== 0) unclean++;
      servers[at] = await start(port);
      // The balancer sends requests to it again after one probe.
      await sleep(4 * PROBE_MS);
    }
    await load.stop();
    const failed = load.answers.filter(({ status }) => status !== 200).length;
    return { answers: load.answers.length, failed, unclean };
  } finally {
    await load?.stop();
    await balancer.stop();
    await instances.close();
  }
}
