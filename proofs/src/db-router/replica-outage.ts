import { setTimeout as sleep } from "node:timers/promises";
import type { Router } from "@scale/db-router";
import { routedPool } from "@scale/db-router/pg";
import {
  type ContactsCluster,
  type Line,
  percentile,
  type PostgresNode,
  type SectionOptions,
  seededRandom,
  startContacts,
  waitUntil,
} from "@scale/testkit";
import { line } from "../bound.js";
import { addressesOf, POLL_MS, POLL_TIMEOUT_MS, PROBE_MS, routerOn, SEED } from "./stage.js";
import { nextVersion, READ, type ReadRow, WRITE } from "./statements.js";
import { startTraffic, type Traffic } from "./traffic.js";

const PER_SECOND = 300;
/** One request in so many writes the row before it reads. */
const WRITES_EACH = 5;
const LONGEST_MS = 4_000;
/** Time to retry a read over a new connection, while a server starts on the same machine. */
const SLACK_MS = 250;

/** A fault of a replica, and its end. */
interface Fault {
  readonly name: string;
  begin(replica: PostgresNode): Promise<void>;
  end(replica: PostgresNode): Promise<void>;
  /**
   * Maximum latency of an affected read. A dead server resets its connections at once. A frozen one never replies: the
   * next poll, and a second one on a new connection, must time out. A server that only accepts no new connections is
   * detected by the next poll that opens one.
   */
  readonly boundMs: number;
}

/**
 * Maximum time from the end of a fault to the replica's next read. A freeze of up to LONGEST_MS meets the first trial
 * statement at most, and the second ejection takes 2 s and up to 10 % jitter. Then a poll must find the replica caught up.
 */
const RETURN_MS = 2_200 + 1.25 * POLL_MS + SLACK_MS;

const FOUND_MS = 1.25 * POLL_MS + 2 * POLL_TIMEOUT_MS;

const FAULTS: readonly Fault[] = [
  { name: "SIGKILL", begin: (replica) => replica.kill(), end: (replica) => replica.start(), boundMs: SLACK_MS },
  {
    name: "SIGSTOP",
    begin: async (replica) => replica.pause(),
    end: async (replica) => replica.resume(),
    boundMs: FOUND_MS + SLACK_MS,
  },
  {
    name: "SIGSTOP of the postmaster alone",
    begin: async (replica) => signal(replica, "SIGSTOP"),
    end: async (replica) => signal(replica, "SIGCONT"),
    boundMs: PROBE_MS + FOUND_MS + SLACK_MS,
  },
];

interface Read {
  /** Name of the server that replied. */
  readonly server: string;
  readonly isStale: boolean;
}

interface FaultPeriod {
  readonly fault: Fault;
  readonly from: number;
  readonly to: number;
  /** Time from the end of the fault to the replica's first read. */
  readonly returnMs: number;
}

/** Do reads continue, in time, while a replica dies or freezes under load, and does it serve again soon after? */
export async function* replicaOutage({ smoke }: SectionOptions): AsyncIterable<Line> {
  const cluster = await startContacts();
  const router = await routerOn(addressesOf(cluster));
  const traffic = startTraffic(PER_SECOND, requests(router));
  const plan = smoke ? { cycles: 1, longestMs: 400 } : { cycles: 5, longestMs: LONGEST_MS };
  try {
    await sleep(smoke ? 300 : 3_000); // The first reads compile code and open connections.
    const calm = { from: performance.now(), to: performance.now() + (smoke ? 300 : 5_000) };
    await sleep(calm.to - calm.from);
    const all = await injectAll(cluster, { traffic, ...plan });
    await traffic.stop();
    yield* judge(traffic, calm, all);
  } finally {
    await traffic.stop();
    await router.close();
    await cluster.stop();
  }
}

/** Each request is its own session; some write first. */
function requests(router: Router): (n: number) => Promise<Read> {
  const pool = routedPool(router);
  return (n) =>
    router.run({ startFresh: true }, async () => {
      const [id, version] = [(n % 97) + 1, n % WRITES_EACH === 0 ? nextVersion() : 0];
      if (version > 0) await pool.query(WRITE, [id, version]);
      const { rows } = await pool.query<ReadRow>(READ, [id]);
      const [row] = rows;
      // The row is shared: a later request may have overwritten it, with a higher version.
      return { server: row?.node ?? "", isStale: version > 0 && !(Number(row?.name) >= version) };
    });
}

interface Plan {
  readonly traffic: Traffic<Read>;
  readonly cycles: number;
  readonly longestMs: number;
}

async function injectAll({ replicas }: ContactsCluster, { traffic, cycles, longestMs }: Plan): Promise<FaultPeriod[]> {
  const random = seededRandom(SEED);
  const all: FaultPeriod[] = [];
  for (let cycle = 0; cycle < cycles; cycle++) {
    for (const fault of FAULTS) {
      const replica = replicas[random() < 0.5 ? 0 : 1];
      const from = performance.now();
      await fault.begin(replica);
      await sleep(longestMs * (0.1 + 0.9 * random()));
      const endedAt = performance.now();
      await fault.end(replica);
      const returnMs = await answered(traffic, replica.name, endedAt);
      all.push({ fault, from, to: performance.now(), returnMs });
      await sleep(200 + random() * 800);
    }
  }
  return all;
}

/** Milliseconds until the server replies to a read that was due after `after`. */
async function answered({ outcomes }: Traffic<Read>, server: string, after: number): Promise<number> {
  let seen = outcomes.length;
  let doneAt: number | undefined;
  const look = (): boolean => {
    for (; seen < outcomes.length && doneAt === undefined; seen++) {
      const outcome = outcomes[seen];
      if (outcome?.answer?.server === server && outcome.dueAt >= after) ({ doneAt } = outcome);
    }
    return doneAt !== undefined;
  };
  await waitUntil(look, { what: `${server} serves reads`, timeoutMs: 60_000, everyMs: 2 });
  return (doneAt ?? Number.NaN) - after;
}

function signal({ name, pid }: PostgresNode, what: NodeJS.Signals): void {
  if (pid === undefined) throw new Error(`${name}: expected a running server`);
  process.kill(pid, what);
}

function* judge(
  { outcomes }: Traffic<Read>,
  calm: Pick<FaultPeriod, "from" | "to">,
  all: FaultPeriod[],
): Iterable<Line> {
  const within = ({ from, to }: Pick<FaultPeriod, "from" | "to">): number[] =>
    outcomes.filter(({ dueAt }) => dueAt >= from && dueAt < to).map(({ latencyMs }) => latencyMs);
  const failed = outcomes.filter(({ answer }) => answer === undefined).length;
  const stale = outcomes.filter(({ answer }) => answer?.isStale === true).length;
  const about = `replica-outage: ${all.length} faults of a replica under ${PER_SECOND} reads/s (seed ${SEED})`;
  yield line({ proof: `${about}, answers`, unit: "reads", value: outcomes.length, bound: { atLeast: 100 } });
  yield line({ proof: "replica-outage: failed", unit: "reads", value: failed, bound: { atMost: 0 } });
  yield line({ proof: "replica-outage: stale", unit: "reads", value: stale, bound: { atMost: 0 } });
  const p99 = percentile(within(calm), 0.99);
  yield line({ proof: "replica-outage: p99 when calm", unit: "ms", value: p99, bound: { atMost: 1_000 } });
  for (const fault of FAULTS) {
    const own = all.filter((each) => each.fault === fault);
    const times = own.flatMap(within);
    const name = `replica-outage: ${fault.name}`;
    const bound = { atMost: fault.boundMs };
    yield line({ proof: `${name}, p99`, unit: "ms", value: percentile(times, 0.99), bound });
    yield line({ proof: `${name}, slowest read`, unit: "ms", value: Math.max(...times), bound });
    const value = Math.max(...own.map(({ returnMs }) => returnMs));
    yield line({ proof: `${name}, slowest return of ${own.length}`, unit: "ms", value, bound: { atMost: RETURN_MS } });
  }
}
