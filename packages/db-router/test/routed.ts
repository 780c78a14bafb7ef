import { systemClock } from "@scale/core";
import pg from "pg";
import { pgNode } from "../src/pg/index.js";
import { createRouter, type Router } from "../src/router.js";
import type { ContactsCluster } from "@scale/testkit";

/** A statement that was sent to a server. */
export interface Sent {
  readonly node: string;
  readonly text: string;
}

export interface RoutedCluster {
  readonly router: Router;
  /** Every sent statement in order, status queries included. */
  readonly sent: Sent[];
}

type Options = Omit<Parameters<typeof createRouter>[0], "primary" | "replicas">;

/** A router over the nodes of a cluster, whose connections record what they send. */
export async function routed(cluster: ContactsCluster, options: Options = {}): Promise<RoutedCluster> {
  const sent: Sent[] = [];
  const node = (from: { name: string; url: string }): ReturnType<typeof pgNode> =>
    pgNode({
      name: from.name,
      role: from.name === "primary" ? "primary" : "replica",
      config: { connectionString: from.url, min: 0, Client: telling(from.name, sent) },
    });
  const [r1, r2] = cluster.replicas;
  const router = createRouter({
    primary: node(cluster.primary),
    replicas: [node(r1), node(r2)],
    clock: systemClock,
    ...options,
  });
  await router.ready();
  return { router, sent };
}

function telling(node: string, sent: Sent[]): new () => pg.Client {
  class Telling extends pg.Client {
    override query(...args: unknown[]): never {
      const [query] = args;
      const text = typeof query === "object" && query !== null && "text" in query ? query.text : query;
      sent.push({ node, text: String(text) });
      return (super.query as (...args: unknown[]) => unknown).apply(this, args) as never;
    }
  }
  return Telling;
}
