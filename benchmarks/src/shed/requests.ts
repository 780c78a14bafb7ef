import { Agent, request } from "node:http";
import { type Line, percentile, type ProcessPool, type SectionOptions, startProcessPool } from "@scale/testkit";
import { line } from "../gate.js";
import { type Kind, KINDS, type Mode } from "./kinds.js";
import type { Usage } from "./server.worker.js";

const WORKER = new URL("../../../benchmarks/src/shed/server.worker.ts", import.meta.resolve("@scale/testkit"));
const CONNECTIONS = 16;

type Server = ProcessPool<Record<Kind, string> | Usage>;
type CpuUs = Record<Kind, number>;

/** CPU time of the server for a request over HTTP, in the framework that the users of each peer run it in. */
export async function* requests(options: SectionOptions): AsyncIterable<Line> {
  const admitted = await measure("admitted", options);
  const refused = await measure("refused", options);
  yield* beside("shed: CPU of a request that is served, in Express", admitted, {
    toobusy: { atMost: 1.5 },
    express: undefined,
  });
  yield peerLine("shed: CPU of a request that is served, @fastify/under-pressure", admitted);
  yield* beside("shed: CPU of a request that is refused, in Express", refused, { toobusy: { atMost: 1.25 } });
  yield line({
    ...{ bench: "shed: CPU of a request that is refused, in Express", unit: "us", against: "@fastify/under-pressure" },
    ...{ ours: median(refused, "ours"), peer: median(refused, "underPressure") },
    ratio: ratioOf(refused, "ours", "underPressure"),
  });
}

const NAMES = { toobusy: "toobusy-js in Express", express: "Express alone" } as const;

function* beside(
  bench: string,
  rounds: readonly CpuUs[],
  peers: Partial<Record<keyof typeof NAMES, { readonly atMost: number } | undefined>>,
): Iterable<Line> {
  for (const [peer, gate] of Object.entries(peers) as [keyof typeof NAMES, { atMost: number } | undefined][]) {
    yield line({
      ...{ bench, unit: "us", ours: median(rounds, "ours"), peer: median(rounds, peer), against: NAMES[peer], gate },
      ratio: ratioOf(rounds, "ours", peer),
    });
  }
}

/** The other framework with its plugin, for comparison: ours has no plugin for it. */
function peerLine(bench: string, rounds: readonly CpuUs[]): Line {
  return line({
    ...{ bench, unit: "us", against: "Fastify alone" },
    ...{ ours: median(rounds, "underPressure"), peer: median(rounds, "fastify") },
    ratio: ratioOf(rounds, "underPressure", "fastify"),
  });
}

const median = (rounds: readonly CpuUs[], kind: Kind): number =>
  percentile(
    rounds.map((round) => round[kind]),
    0.5,
  );

const ratioOf = (rounds: readonly CpuUs[], kind: Kind, peer: Kind): number =>
  percentile(
    rounds.map((round) => round[kind] / round[peer]),
    0.5,
  );

/** Rounds in which every server gets the same requests, in an order that turns. */
async function measure(mode: Mode, { smoke }: SectionOptions): Promise<readonly CpuUs[]> {
  const parse = (reply: unknown) => reply as Record<Kind, string> | Usage;
  const server: Server = await startProcessPool({ size: 1, script: WORKER, args: undefined, parse });
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  try {
    const urls = (await server.one(0, mode)) as Record<Kind, string>;
    const plan = smoke ? { rounds: 1, warmUp: 0, perRound: 32 } : { rounds: 15, warmUp: 3, perRound: 3000 };
    const rounds: CpuUs[] = [];
    for (let round = 0; round < plan.warmUp + plan.rounds; round++) {
      const cpuUs = {} as CpuUs;
      for (let i = 0; i < KINDS.length; i++) {
        const kind = KINDS[(i + round) % KINDS.length] as Kind;
        const isRefused = mode === "refused" && kind !== "express" && kind !== "fastify";
        cpuUs[kind] = await cpuOf(server, () =>
          sendAll(urls[kind], plan.perRound, { agent, expected: isRefused ? 503 : 200 }),
        );
        cpuUs[kind] /= plan.perRound;
      }
      if (round >= plan.warmUp) rounds.push(cpuUs);
    }
    return rounds;
  } finally {
    agent.destroy();
    await server.close();
  }
}

async function cpuOf(server: Server, work: () => Promise<void>): Promise<number> {
  const before = (await server.one(0, "usage")) as Usage;
  await work();
  const after = (await server.one(0, "usage")) as Usage;
  return after.cpuUs - before.cpuUs;
}

async function sendAll(url: string, count: number, how: { agent: Agent; expected: number }): Promise<void> {
  let sent = 0;
  const client = async (): Promise<void> => {
    while (sent < count) await get(`${url}/work`, `tenant-${sent++ % 100}`, how);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
}

function get(url: string, tenantId: string, { agent, expected }: { agent: Agent; expected: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, headers: { "x-tenant-id": tenantId } }, (response) => {
      if (response.statusCode !== expected) reject(new Error(`expected ${expected}, got ${response.statusCode}`));
      response.resume().once("end", resolve).once("error", reject);
    });
    sent.once("error", reject).end();
  });
}
