import { AsyncResource } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Router } from "@scale/db-router";
import { routedPool } from "@scale/db-router/pg";
import type { ContactsCluster, Line } from "@scale/testkit";
import { line } from "../bound.js";
import { POLL_MS } from "./stage.js";
import { nextVersion, READ, type ReadRow, WRITE } from "./statements.js";

/** Sessions that wait for the replicas at the same time. */
const SESSIONS = 50;

/** Writes a row. @returns what reads it afterwards, as the same session: it gives the name of the server that answered */
export type Begin = (id: number) => Promise<() => Promise<string>>;

export interface Returns {
  readonly what: string;
  readonly rounds: number;
  readonly begin: Begin;
}

/** How many of the sessions that wrote while replay was paused read from a replica two polls after it goes on? */
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
    proof: `read-your-writes: ${rounds} x ${SESSIONS} ${what}, reads on replicas two polls after replay goes on`,
    unit: "share",
    value: back / servers.length,
    bound: { atLeast: 0.9 },
  });
}

/** Sessions of one process. They read once while replay is paused, so that they have read from the primary too. */
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
