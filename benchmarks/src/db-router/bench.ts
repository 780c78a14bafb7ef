import { routedPool } from "@scale/db-router/pg";
import { compareAll, type CompareOptions, type ContactsCluster, type Line, type SectionOptions } from "@scale/testkit";
import { line } from "../gate.js";
import { drizzleReads, pgReads, prismaReads, type Reads } from "./latency.js";
import { cluster, stageOn } from "./stage.js";

/** What does routing a read cost, and what do two replicas gain? On a real primary with two replicas. */
export async function* dbRouter({ smoke }: SectionOptions): AsyncIterable<Line> {
  const servers = await cluster();
  try {
    yield* latencies(servers, smoke);
    yield await throughput(servers, smoke);
  } finally {
    await servers.stop();
  }
}

async function* latencies(servers: ContactsCluster, smoke: boolean): AsyncIterable<Line> {
  const stage = await stageOn(servers);
  const { pg, session } = pgReads(stage);
  const prisma = await prismaReads(stage);
  try {
    yield await overDirect("pg", pg, smoke);
    yield await overDirect("pg, each read in a session of its own", session, smoke);
    yield await besidePeer("Drizzle", drizzleReads(stage), { against: "withReplicas", atMost: 1.05, smoke });
    const official = { against: "@prisma/extension-read-replicas", atMost: 1, smoke };
    yield await besidePeer("Prisma findMany", prisma.findMany, official);
    yield await besidePeer("Prisma findUnique", prisma.findUnique, official);
    yield await concurrentSessions(prisma.session, smoke);
  } finally {
    await prisma.close();
    await stage.close();
  }
}

/** Median latency, one read at a time. */
async function overDirect(what: string, { direct, routed }: Reads, smoke: boolean): Promise<Line> {
  const sides = await compareAll({ direct, routed }, rounds(smoke));
  return line({
    bench: `db-router: ${what}`,
    unit: "p50 ms",
    ours: sides.routed.p50Ms,
    peer: sides.direct.p50Ms,
    against: "the replicas' own pools in turn",
    ratio: sides.routed.p50Ratio,
    gate: { atMost: 1.1 },
  });
}

interface PeerOptions {
  readonly against: string;
  readonly atMost: number;
  readonly smoke: boolean;
}

/** Latency relative to direct reads, for the router and for a peer; the ratio compares the two. */
async function besidePeer(
  what: string,
  { direct, routed, peer = direct }: Reads,
  { against, atMost, smoke }: PeerOptions,
): Promise<Line> {
  const sides = await compareAll({ direct, routed, peer }, rounds(smoke));
  return line({
    bench: `db-router: ${what}`,
    unit: "times the direct p50",
    ours: sides.routed.p50Ratio,
    peer: sides.peer.p50Ratio,
    against,
    ratio: sides.routed.p50Ratio / sides.peer.p50Ratio,
    gate: { atMost },
  });
}

const SESSIONS = 16;

/**
 * Concurrent requests for single rows. Prisma merges them into one statement in the context of the first request. The
 * extension keeps sessions apart, because each must see its own writes.
 */
async function concurrentSessions({ routed, peer = routed }: Reads, smoke: boolean): Promise<Line> {
  const sides = await compareAll({ routed, peer }, { concurrency: SESSIONS, ...rounds(smoke) });
  return line({
    bench: `db-router: Prisma findUnique, ${SESSIONS} concurrent sessions`,
    unit: "rows/s",
    ours: sides.routed.opsPerSecond,
    peer: sides.peer.opsPerSecond,
    against: "@prisma/extension-read-replicas",
    ratio: sides.peer.ratio,
    gate: undefined,
  });
}

const CONNECTIONS = 10;
const SLEEP = "select pg_sleep(0.01)";

/** Queries that sleep, so that the cores of the machine are not the limit. */
async function throughput(servers: ContactsCluster, smoke: boolean): Promise<Line> {
  const stage = await stageOn(servers, CONNECTIONS);
  const pool = routedPool(stage.router);
  const [{ pool: one }] = stage.replicas;
  try {
    const sides = await compareAll(
      { routed: () => pool.query(SLEEP), one: () => one.query(SLEEP) },
      { concurrency: 4 * CONNECTIONS, ...rounds(smoke, 400) },
    );
    return line({
      bench: `db-router: queries that sleep 10 ms, two replicas, ${CONNECTIONS} connections each`,
      unit: "queries/s",
      ours: sides.routed.opsPerSecond,
      peer: sides.one.opsPerSecond,
      against: "one of them",
      ratio: sides.one.ratio,
      gate: { atLeast: 1.8 },
    });
  } finally {
    await stage.close();
  }
}

const rounds = (smoke: boolean, durationMs = 120): CompareOptions =>
  smoke ? { rounds: 1, warmup: 0, durationMs: 20 } : { rounds: 25, warmup: 3, durationMs };
