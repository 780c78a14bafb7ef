import { createRouter, type Router } from "@scale/db-router";
import { type PgNode, pgNode } from "@scale/db-router/pg";
import { type ContactsCluster, type PostgresNode, startContacts } from "@scale/testkit";

/** A primary with two replicas, and a router over them. */
export interface Stage {
  readonly router: Router;
  readonly primary: PgNode;
  readonly replicas: readonly [PgNode, PgNode];
  close(): Promise<void>;
}

export const cluster: () => Promise<ContactsCluster> = startContacts;

/** @param max connections of each node; default: those of `pgNode` */
export async function stageOn({ primary, replicas }: ContactsCluster, max?: number): Promise<Stage> {
  const node = ({ name, url }: PostgresNode): PgNode =>
    pgNode({
      name,
      role: name === "primary" ? "primary" : "replica",
      connectionString: url,
      ...(max !== undefined && { config: { max } }),
    });
  const [writer, r1, r2] = [node(primary), node(replicas[0]), node(replicas[1])];
  const router = createRouter({ primary: writer, replicas: [r1, r2] });
  await router.ready();
  return { router, primary: writer, replicas: [r1, r2], close: () => router.close() };
}

/** Alternates between the two replicas, as a router does. */
export function inTurn<T>(pair: readonly [T, T]): () => T {
  let turn = 0;
  return () => pair[turn++ & 1] as T;
}
