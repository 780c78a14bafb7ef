import { setTimeout as sleep } from "node:timers/promises";
import type { Router } from "@scale/db-router";
import { routedPool } from "@scale/db-router/pg";
import { type ContactsCluster, type Line, type ProcessPool, startProcessPool } from "@scale/testkit";
import type { Pool } from "pg";
import { line } from "../bound.js";
import { inParallel, LATER_MS } from "./cycles.js";
import type { Ask, Reply } from "./reader.worker.js";
import { disturbReplay } from "./replay.js";
import { type Begin, returns } from "./return.js";
import { addressesOf, routerOn, SEED } from "./stage.js";
import { nextVersion, WRITE } from "./statements.js";

/** Resolved from a package, because this module runs from its build folder. */
const WORKER = new URL("../../../proofs/src/db-router/reader.worker.ts", import.meta.resolve("@scale/testkit"));

interface Writer {
  readonly router: Router;
  readonly pool: Pool;
  readonly reader: ProcessPool<Reply>;
}

/** Does a read in another process see the writes of this one, by token? */
export async function* acrossProcesses(cluster: ContactsCluster, smoke: boolean): AsyncIterable<Line> {
  const addresses = addressesOf(cluster);
  const parse = (reply: unknown): Reply => reply as Reply;
  const reader = await startProcessPool({ size: 1, script: WORKER, args: addresses, parse });
  const router = await routerOn(addresses);
  const writer: Writer = { router, pool: routedPool(router), reader };
  try {
    // Replicas serve a process once they have what the primary had at its start: it starts before replay is paused.
    await reader.one(0, { id: 1, token: undefined } satisfies Ask);
    yield* cycles(cluster, writer, smoke ? 50 : 2_000);
    const begin: Begin = async (id) => {
      const token = await writeFor(writer, id, nextVersion());
      return async () => (await reader.one(0, { id, token })).server;
    };
    yield await returns(cluster, { what: "sessions of two processes", rounds: smoke ? 1 : 20, begin });
  } finally {
    await router.close();
    await reader.close();
  }
}

async function* cycles(cluster: ContactsCluster, writer: Writer, count: number): AsyncIterable<Line> {
  const stale = { token: 0, none: 0 };
  let [reads, onReplicas] = [0, 0];
  const replay = disturbReplay(cluster.replicas);
  async function check(ask: Ask, version: number): Promise<void> {
    const reply = await writer.reader.one(0, ask);
    const isStale = !(reply.version >= version);
    if (ask.token === undefined) {
      stale.none += Number(isStale);
      return;
    }
    reads += 1;
    onReplicas += Number(reply.server !== cluster.primary.name);
    stale.token += Number(isStale);
  }
  try {
    await inParallel(count, async (id, version, random) => {
      const token = await writeFor(writer, id, version);
      await Promise.all([check({ id, token }, version), check({ id, token: undefined }, version)]);
      await sleep(random() * LATER_MS);
      await check({ id, token }, version);
    });
  } finally {
    await replay.end();
  }
  const about = `read-your-writes: ${count} cycles over two processes, replay paused at random (seed ${SEED})`;
  const withToken = `${about}, by token, stale reads of ${reads}`;
  yield line({ proof: withToken, unit: "reads", value: stale.token, bound: { atMost: 0 } });
  const share = onReplicas / reads;
  yield line({ proof: `${about}, by token, reads on replicas`, unit: "share", value: share, bound: { atLeast: 0.1 } });
  // A control: without stale reads here, the load would prove nothing.
  const withoutToken = `${about}, without one, stale reads of ${count}`;
  yield line({ proof: withoutToken, unit: "reads", value: stale.none, bound: { atLeast: 1 } });
}

/** @returns the token of the session that wrote */
async function writeFor({ router, pool }: Writer, id: number, version: number): Promise<string> {
  const token = await router.run({ startFresh: true }, async (session) => {
    await pool.query(WRITE, [id, version]);
    return session.token();
  });
  if (token === undefined) throw new Error("expected a token after a write, got none");
  return token;
}
