import { AsyncResource } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Router } from "@scale/db-router";
import { routedPool } from "@scale/db-router/pg";
import type { ContactsCluster, Line } from "@scale/testkit";
import { line } from "../bound.js";
import { POLL_MS } from "./stage.js";
import { nextVersion, READ, type ReadRow, WRITE } from "./statements.js";

/** Concurrent sessions. */
const SESSIONS = 50;

/** Writes a row. @returns a function that reads it in the same session and returns the name of the server */
export type Begin = (id: number) => Promise<() => Promise<string>>;

export interface Returns {
  readonly what: string;
  readonly rounds: number;
  readonly begin: Begin;
}

/** Which share of the sessions that wrote during a replay pause reads from a replica two polls after it ends? */
export async function returns({ primary, replicas }: ContactsCluster, { what, rounds, begin }: Returns): Promise<Line> {
  const servers: string[] = [];
  for (let round = 0; round < rounds; round++) {
    await Promise.all(replicas.map((replica) => replica.pauseReplay()));
    const again = await Promise.all(Array.from({ length: SESSIONS }, (_, i) => begin(i + 1)));
    await Promise.all(replicas.map((replica) => replica.resumeReplay()));
    await sleep(2 * POLL_MS);
    servers.push(...(await Promise.all(again.map((read) => read()))));
  }
  const back = servers.filter((name) => name !== primary.name).length;
  return line({
    proof: `read-your-writes: ${rounds} x ${SESSIONS} ${what}, reads on replicas two polls after replay resumes`,
    unit: "share",
    value: back / servers.length,
    bound: { atLeast: 0.9 },
  });
}

/** Sessions of one process. Each reads once during the pause, so it has read from the primary too. */
export function sessionsOf(router: Router): Begin {
  const pool = routedPool(router);
  const serverOf = async (id: number): Promise<string> => (await pool.query<ReadRow>(READ, [id])).rows[0]?.node ?? "";
  return (id) =>
    router.run({ startFresh: true }, async () => {
      await pool.query(WRITE, [id, nextVersion()]);
      await serverOf(id);
      return AsyncResource.bind(() => serverOf(id));
    });
}
