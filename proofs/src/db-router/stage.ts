import { createRouter, type Router } from "@scale/db-router";
import { type PgNode, pgNode } from "@scale/db-router/pg";
import type { ContactsCluster, PostgresNode } from "@scale/testkit";
import type { PoolConfig } from "pg";

export const SEED = 20_261_120;

/** The defaults of a router. The bounds of the proofs are stated in them. */
export const POLL_MS = 250;
export const POLL_TIMEOUT_MS = 500;
export const PROBE_MS = 1_000;

/** Shared by all processes of a proof. */
const SECRETS = ["signs the tokens of the proofs and nothing else"];

type Options = Omit<Parameters<typeof createRouter>[0], "primary" | "replicas">;

/** The address of a node, as it is sent to another process. */
export type Address = Pick<PostgresNode, "name" | "url">;

export const addressesOf = ({ nodes }: ContactsCluster): Address[] => nodes.map(({ name, url }) => ({ name, url }));

/** A router over servers; the first one is the primary. */
export async function routerOn(
  addresses: readonly Address[],
  { config, ...options }: Options & { config?: PoolConfig } = {},
): Promise<Router> {
  const [primary, ...replicas] = addresses.map(({ name, url }, i) =>
    pgNode({ name, role: i === 0 ? "primary" : "replica", connectionString: url, ...(config && { config }) }),
  ) as [PgNode, ...PgNode[]];
  const router = createRouter({
    primary,
    replicas,
    lag: { pollMs: POLL_MS, pollTimeoutMs: POLL_TIMEOUT_MS },
    health: { probeMs: PROBE_MS },
    readYourWrites: { secrets: SECRETS },
    ...options,
  });
  await router.ready();
  return router;
}
