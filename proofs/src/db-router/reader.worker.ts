import type { Router } from "@scale/db-router";
import { routedPool } from "@scale/db-router/pg";
import { serveWorker } from "@scale/testkit";
import type { Pool } from "pg";
import { type Address, routerOn } from "./stage.js";
import { READ, type ReadRow } from "./statements.js";

export interface Ask {
  readonly id: number;
  /** `undefined` for a request without a token. */
  readonly token: string | undefined;
}

export interface Reply {
  readonly version: number;
  /** Name of the server that replied. */
  readonly server: string;
}

interface Ready {
  readonly router: Router;
  readonly pool: Pool;
}

let ready: Promise<Ready> | undefined;

/** Reads a row in its own session, with the token of the message. */
serveWorker(async (message, { args }): Promise<Reply> => {
  const { router, pool } = await (ready ??= open(args as readonly Address[]));
  const { id, token } = message as Ask;
  const { rows } = await router.run({ startFresh: true, token }, () => pool.query<ReadRow>(READ, [id]));
  return { version: Number(rows[0]?.name), server: rows[0]?.node ?? "" };
});

async function open(addresses: readonly Address[]): Promise<Ready> {
  const router = await routerOn(addresses);
  return { router, pool: routedPool(router) };
}
