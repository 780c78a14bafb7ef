import { setTimeout as sleep } from "node:timers/promises";
import type { Router } from "@scale/db-router";
import { routedPool } from "@scale/db-router/pg";
import {
  type ContactsCluster,
  type Line,
  type PostgresNode,
  type SectionOptions,
  startContacts,
  waitUntil,
} from "@scale/testkit";
import pg, { type Pool } from "pg";
import { line } from "../bound.js";
import { addressesOf, routerOn } from "./stage.js";
import { startTraffic, type Traffic } from "./traffic.js";

const PER_SECOND = 200;
/** No key, so that a repeated write is visible as a second row. */
const TABLE = "create table writes (id bigint not null)";
const INSERT = "insert into writes (id) values ($1) returning current_setting('cluster_name') as node";
/** Commits long before it replies: after the kill of the primary, the outcome of some of these is unknown. */
const slowly = (id: number): string =>
  `begin; insert into writes (id) values (${id}); commit; select current_setting('cluster_name') as node from pg_sleep(0.1)`;
const SLOW_ID = /^begin; insert into writes \(id\) values \((\d+)\)/;
const SLOW_EACH = 4;
const LOOK = "select current_setting('cluster_name') as node, (select count(*) from writes where id = $1)::int as n";

interface Written {
  readonly id: number;
  /** Names of the server that took the write, and of the one that the same session then read from. */
  readonly server: string;
  readonly reader: string;
  readonly isStale: boolean;
}

interface Round {
  readonly answered: number;
  readonly failed: number;
  readonly resumeMs: number;
  /** Rows on the old primary that were due after its kill. */
  readonly toOld: number;
  /** Replies of the old primary to statements that were due after its kill. */
  readonly byOld: number;
  /** Ids sent more than once, and ids present on the new primary more than once. */
  readonly sentTwice: number;
  readonly twice: number;
  /** Reads that missed a write which the new primary had acknowledged to the same session. */
  readonly stale: number;
  /** Writes that rejected and are on the new primary. */
  readonly ambiguous: number;
  /** Writes that the old primary acknowledged and the new one lacks. */
  readonly lost: number;
}

/** How soon do writes resume after a failover, and does a returning old primary receive any? */
export async function* failover({ smoke }: SectionOptions): AsyncIterable<Line> {
  const rounds: Round[] = [];
  for (let i = 0; i < (smoke ? 1 : 5); i++) rounds.push(await fail(smoke ? 300 : 2_000));
  yield* judge(rounds);
}

async function fail(calmMs: number): Promise<Round> {
  const cluster = await startContacts();
  const { primary: old } = cluster;
  const [next, other] = cluster.replicas;
  await old.query(TABLE);
  await cluster.caughtUp();
  const sent = new Map<string, number>();
  const router = await routerOn(addressesOf(cluster), {
    failover: { waitMs: 5_000 },
    config: { Client: counting(sent) },
  });
  const traffic = startTraffic(PER_SECOND, requests(router));
  try {
    await sleep(calmMs);
    const from = performance.now();
    await old.kill();
    const killed = { at: performance.now(), n: traffic.begun };
    await next.promote();
    await other.repoint(next);
    const resumeMs = (await firstWrite(traffic, { server: next.name, after: killed.at })) - from;
    await sleep(calmMs / 2);
    await old.start();
    await waitUntil(() => isKnown(router, old), { what: "the router polls the returned old primary" });
    await sleep(calmMs);
    await traffic.stop();
    return { resumeMs, ...(await count(traffic, { cluster, killed, sent })) };
  } finally {
    await traffic.stop();
    await router.close();
    await cluster.stop();
  }
}

/** True when polls reach the node again, so that only the election keeps statements away from it. */
function isKnown(router: Router, { name }: PostgresNode): boolean {
  const node = router.health().nodes.find((each) => each.name === name);
  return node?.reason !== "unreachable" && node?.reason !== "connection-lost";
}

/** Each request writes its own row and reads it back, as one session. */
function requests(router: Router): (n: number) => Promise<Written> {
  const pool = routedPool(router);
  return (n) =>
    router.run({ startFresh: true }, async () => {
      const server = n % SLOW_EACH === 0 ? await lastOf(pool, slowly(n)) : await serverOf(pool, INSERT, n);
      const { rows } = await pool.query<{ node: string; n: number }>(LOOK, [n]);
      return { id: n, server, reader: rows[0]?.node ?? "", isStale: rows[0]?.n !== 1 };
    });
}

async function serverOf(pool: Pool, text: string, id: number): Promise<string> {
  return (await pool.query<{ node: string }>(text, [id])).rows[0]?.node ?? "";
}

/** A query of several statements returns several results. */
async function lastOf(pool: Pool, text: string): Promise<string> {
  const results: unknown = await pool.query(text);
  const last = (results as readonly { readonly rows: readonly { readonly node: string }[] }[]).at(-1);
  return last?.rows[0]?.node ?? "";
}

/** Clients that count the sends of each id, to all servers. */
function counting(sent: Map<string, number>): typeof pg.Client {
  class Counting extends pg.Client {
    override query(...args: unknown[]): never {
      const [text, values] = args;
      const id = text === INSERT ? String(values) : SLOW_ID.exec(String(text))?.[1];
      if (id !== undefined) sent.set(id, (sent.get(id) ?? 0) + 1);
      return (super.query as (...args: unknown[]) => unknown).apply(this, args) as never;
    }
  }
  return Counting;
}

/** Time of the first reply of a server to a write after `after`. */
async function firstWrite(
  { outcomes }: Traffic<Written>,
  { server, after }: { readonly server: string; readonly after: number },
): Promise<number> {
  const found = (): number | undefined =>
    outcomes.find(({ answer, doneAt }) => answer?.server === server && doneAt >= after)?.doneAt;
  await waitUntil(() => found() !== undefined, { what: `a write on ${server}`, timeoutMs: 30_000, everyMs: 2 });
  return found() ?? Number.NaN;
}

interface Left {
  readonly cluster: ContactsCluster;
  /** Time of the kill, and the id of the first write that was due after it. */
  readonly killed: { readonly at: number; readonly n: number };
  readonly sent: ReadonlyMap<string, number>;
}

async function count(
  { outcomes }: Traffic<Written>,
  { cluster, killed, sent }: Left,
): Promise<Omit<Round, "resumeMs">> {
  const { primary: old, replicas } = cluster;
  const [next] = replicas;
  const answers = outcomes.flatMap(({ answer, dueAt }) => (answer === undefined ? [] : [{ ...answer, dueAt }]));
  const later = answers.filter(({ dueAt }) => dueAt > killed.at);
  const [there, onOld] = [await idsOn(next), await idsOn(old)];
  const kept = new Set(there);
  // The old primary still takes writes: only the router kept them away.
  await old.query("insert into writes (id) values (-1)");
  return {
    answered: answers.length,
    failed: outcomes.length - answers.length,
    toOld: onOld.filter((id) => id >= killed.n).length,
    byOld: later.filter(({ server, reader }) => server === old.name || reader === old.name).length,
    sentTwice: [...sent.values()].filter((times) => times > 1).length,
    twice: there.length - kept.size,
    stale: answers.filter(({ server, isStale }) => server === next.name && isStale).length,
    ambiguous: kept.size - answers.filter(({ id }) => kept.has(id)).length,
    lost: answers.filter(({ id, server }) => server === old.name && !kept.has(id)).length,
  };
}

async function idsOn(node: PostgresNode): Promise<number[]> {
  return (await node.query("select id from writes")).map(({ id }) => Number(id));
}

function* judge(rounds: readonly Round[]): Iterable<Line> {
  const of = (what: keyof Round): number[] => rounds.map((round) => round[what]);
  const sum = (what: keyof Round): number => of(what).reduce((total, value) => total + value, 0);
  const none = { atMost: 0 };
  const about = `failover: ${rounds.length} times the primary is killed under ${PER_SECOND} writes/s`;
  yield line({ proof: `${about}, answers`, unit: "writes", value: sum("answered"), bound: { atLeast: 50 } });
  const slowest = Math.max(...of("resumeMs"));
  yield line({ proof: "failover: writes resume after the kill", unit: "ms", value: slowest, bound: { atMost: 3_000 } });
  yield line({ proof: "failover: rows of the old primary since", unit: "rows", value: sum("toOld"), bound: none });
  yield line({ proof: "failover: its replies since the kill", unit: "answers", value: sum("byOld"), bound: none });
  const ambiguous = sum("ambiguous");
  const unknown = "failover: writes that rejected and are present";
  yield line({ proof: unknown, unit: "writes", value: ambiguous, bound: { atLeast: 1 } });
  yield line({ proof: "failover: writes sent twice", unit: "writes", value: sum("sentTwice"), bound: none });
  yield line({ proof: "failover: writes present twice", unit: "rows", value: sum("twice"), bound: none });
  yield line({ proof: "failover: reads that miss their own write", unit: "reads", value: sum("stale"), bound: none });
  yield told("failover: writes that rejected, in flight at the kill or before its detection", sum("failed"));
  // Replication is asynchronous: writes that the primary had not sent are lost with any router.
  yield told("failover: acknowledged by the old primary and never replicated", sum("lost"));
}

const told = (proof: string, value: number): Line => ({ proof, value, unit: "writes", bound: "none", pass: true });
