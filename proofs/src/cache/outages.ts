import { type Line, percentile, type SectionOptions, seededRandom, startRedis } from "@scale/testkit";
import {
  CUTS,
  endedDuringOutage,
  type Outage,
  type OutageFault,
  startFaults,
  TIMEOUT_MS,
} from "@scale/cache/scenarios";
import { line } from "../bound.js";
import { readWhileStopped, STOPPED } from "./stopped.js";

const SEED = 20_261_120;

/** Values that were invalidated while Redis was out of reach must not come back. Redis keeps its data through all outages. */
export async function* outages({ smoke }: SectionOptions): AsyncIterable<Line> {
  const trials = smoke ? 10 : 100;
  const server = await startRedis({ aof: true });
  const stage = await startFaults(server.url, { prefix: "outage", random: seededRandom(SEED) });
  const faults: Record<string, OutageFault> = {
    SIGSTOP: { begin: async () => server.pause(), end: async () => server.resume() },
    "kill -9": { begin: () => server.kill(), end: () => server.restart() },
  };
  for (const cut of CUTS) {
    const { commands } = stage;
    faults[`the connection ${cut.name}`] = { begin: () => cut.begin(commands), end: () => cut.end(commands) };
  }
  try {
    for (const [name, fault] of Object.entries(faults)) {
      yield* judge(
        `cache: G5: ${name} x ${trials} (seed ${SEED})`,
        await endedDuringOutage(stage, { name, fault, trials }),
      );
    }
  } finally {
    await stage.close();
    await server.stop();
  }
}

function* judge(about: string, { stale, states, slowestMs }: Outage): Iterable<Line> {
  const proof = `${about}, readers that got what had ended`;
  yield line({ proof, unit: "readers", value: stale.length, bound: { atMost: 0 } });
  const known = [...states].every((state) => state === "queued" || state === "applied");
  yield line({
    proof: `${about}, answers ${[...states].toSorted().join(" and ")}, slowest`,
    unit: "ms",
    value: known ? slowestMs : Number.POSITIVE_INFINITY,
    bound: { atMost: TIMEOUT_MS + 80 },
  });
}

/** The time of reads while Redis is stopped, and the time until it is used again. */
export async function* stops({ smoke }: SectionOptions): AsyncIterable<Line> {
  const { times, recoveryMs } = await readWhileStopped(smoke ? 300 : 10_000);
  const about = `cache: Redis SIGSTOP for ${smoke ? 0.3 : 10} s under load`;
  yield line({ proof: `${about}, reads`, unit: "reads", value: times.length, bound: { atLeast: 20 } });
  const atMost = STOPPED.timeoutMs + STOPPED.loadMs + 20;
  yield line({ proof: `${about}, p99 of a read`, unit: "ms", value: percentile(times, 0.99), bound: { atMost } });
  yield line({
    proof: `${about}, slowest read`,
    unit: "ms",
    value: Math.max(...times),
    bound: { atMost: atMost + 30 },
  });
  yield line({ proof: `${about}, recovery`, unit: "ms", value: recoveryMs, bound: { atMost: 1000 } });
}
