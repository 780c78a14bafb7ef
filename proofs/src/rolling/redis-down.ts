import { freePort, type Line, startLoad, startRedis, waitUntil } from "@scale/testkit";
import { line } from "../bound.js";
import { type Balancer, startBalancer } from "./balancer.js";
import type { Instances } from "./instance.js";

const SERVERS = 2;

/** Does an outage of a shared dependency take the servers out of rotation? Redis is killed, frozen and started again. */
export async function* redisDown(haproxy: string, instances: Instances, smoke: boolean): AsyncIterable<Line> {
  const redis = await startRedis();
  const ports = await Promise.all(Array.from({ length: SERVERS }, () => freePort()));
  let balancer: Balancer | undefined;
  try {
    await Promise.all(ports.map((port) => instances.start({ port, kind: "ours", delayMs: 0, redisUrl: redis.url })));
    balancer = await startBalancer(haproxy, [{ name: "crm", servers: ports }]);
    const load = startLoad({
      url: `${balancer.urlOf("crm")}/work`,
      requestsPerSecond: smoke ? 20 : 200,
      headers: () => ({}),
    });
    const states = new Map<string, number>();
    const look = async (state: string): Promise<void> => {
      await waitUntil(async () => (await probe(ports, "readyz")).every((each) => each === `200 ${state}`), {
        what: `readiness ${state}`,
      });
      for (const each of await probe(ports, "livez")) states.set(each, (states.get(each) ?? 0) + 1);
    };
    await look("pass");
    redis.pause();
    await look("warn");
    redis.resume();
    await look("pass");
    await redis.kill();
    await look("warn");
    await redis.restart();
    await look("pass");
    await load.stop();
    const count = (proof: string, value: number, bound: { atLeast: number } | { atMost: number }): Line =>
      line({
        proof: `rolling: Redis frozen and killed, readiness pass, warn, pass, warn, pass: ${proof}`,
        unit: "answers",
        value,
        bound,
      });
    yield count("liveness 200", states.get("200 pass") ?? 0, { atLeast: 5 * SERVERS });
    yield count("requests answered", load.answers.filter(({ status }) => status === 200).length, { atLeast: 1 });
    yield count("requests failed", load.answers.filter(({ status }) => status !== 200).length, { atMost: 0 });
  } finally {
    await balancer?.stop();
    await instances.close();
    await redis.stop();
  }
}

/** Status and body of a probe at every server: `200 pass`. */
function probe(ports: readonly number[], path: string): Promise<string[]> {
  return Promise.all(
    ports.map(async (port) => {
      const response = await fetch(`http://127.0.0.1:${port}/${path}`);
      const { status } = (await response.json()) as { readonly status: string };
      return `${response.status} ${status}`;
    }),
  );
}
