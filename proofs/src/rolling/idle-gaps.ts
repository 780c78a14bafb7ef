import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, type Line, seededRandom, startFaultProxy } from "@scale/testkit";
import { line } from "../bound.js";
import { type Balancer, startBalancer } from "./balancer.js";
import type { Instances } from "./instance.js";

const SEED = 20261130;
const OURS = 20_000;
/** Pauses around the five seconds after which Node closes an idle connection by default, in milliseconds. */
const GAP = { from: 4_900, to: 5_100 };
/** Delay of the network between the balancer and the servers, each way: that of two zones of a cloud. */
const LATENCY_MS = 2;

interface Counts {
  readonly sent: number;
  /** Requests that met a close: 502, or the end of the connection, with which haproxy leaves the repetition to the client. */
  readonly met: number;
  /** Responses with another status than 200. */
  readonly otherwise: number;
}

/** Does a connection that the balancer kept idle answer the next request? Both kinds of server run at the same time. */
export async function* idleGaps(haproxy: string, instances: Instances, smoke: boolean): AsyncIterable<Line> {
  const clients = smoke ? 20 : 1_000;
  const rounds = smoke ? 2 : OURS / clients;
  const gap = smoke ? { from: 10, to: 50 } : GAP;
  const [ours, node] = [await freePort(), await freePort()];
  await instances.start({ port: ours, kind: "ours", delayMs: 0 });
  await instances.start({ port: node, kind: "node", delayMs: 0 });
  const links = await Promise.all([startFaultProxy(ours), startFaultProxy(node)]);
  for (const link of links) link.latencyMs = LATENCY_MS;
  const balancer: Balancer = await startBalancer(haproxy, [
    { name: "ours", servers: [links[0].port], isProbed: false },
    { name: "node", servers: [links[1].port], isProbed: false },
  ]);
  try {
    const run = (service: string): Promise<Counts> =>
      sendWithGaps(`${balancer.urlOf(service)}/work`, { clients, rounds, gap });
    const [own, plain] = await Promise.all([run("ours"), run("node")]);
    const about = `rolling: idle ${gap.from} to ${gap.to} ms between requests through haproxy (seed ${SEED})`;
    const count = (proof: string, value: number, bound: { atLeast: number } | { atMost: number }): Line =>
      line({ proof: `${about}, ${proof}`, unit: "requests", value, bound });
    yield count("requests", own.sent, { atLeast: clients * rounds });
    yield count("502 or cut", own.met, { atMost: 0 });
    yield count("other failures", own.otherwise, { atMost: 0 });
    // A control: without it the gaps would prove nothing.
    yield count("502 or cut with the keepAliveTimeout of Node", plain.met, { atLeast: 1 });
  } finally {
    await balancer.stop();
    await Promise.all(links.map((link) => link.close()));
    await instances.close();
  }
}

interface Plan {
  readonly clients: number;
  readonly rounds: number;
  readonly gap: { readonly from: number; readonly to: number };
}

async function sendWithGaps(url: string, { clients, rounds, gap }: Plan): Promise<Counts> {
  const random = seededRandom(SEED);
  const counts = { sent: 0, met: 0, otherwise: 0 };
  // Each client keeps a connection to the balancer, so that only those to the servers are at stake.
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const client = async (): Promise<void> => {
    await sleep(random() * gap.from);
    for (let round = 0; round < rounds; round++) {
      const status = await statusOf(url, agent);
      counts.sent++;
      if (status === 502 || status === 0) counts.met++;
      else if (status !== 200) counts.otherwise++;
      await sleep(gap.from + random() * (gap.to - gap.from));
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  agent.destroy();
  return counts;
}

function statusOf(url: string, agent: Agent): Promise<number> {
  return new Promise((resolve) => {
    const outgoing = request(url, { agent }, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode ?? 0));
    });
    outgoing.once("error", () => resolve(0));
    outgoing.end();
  });
}
