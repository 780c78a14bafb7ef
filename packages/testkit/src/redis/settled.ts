import { Redis } from "ioredis";
import { waitUntil } from "../wait.js";
import type { RedisServer } from "./run.js";

/** Waits until the check is true for every server. Uses connections of its own. */
export async function untilAll(
  servers: readonly RedisServer[],
  check: (client: Redis) => Promise<boolean>,
  what: string,
): Promise<void> {
  const clients = servers.map((server) => new Redis(server.url));
  try {
    await waitUntil(async () => (await Promise.all(clients.map(check))).every(Boolean), { what });
  } finally {
    for (const client of clients) client.disconnect();
  }
}

export async function untilInStep(replicas: readonly RedisServer[]): Promise<void> {
  const inStep = async (client: Redis): Promise<boolean> =>
    (await client.info("replication")).includes("master_link_status:up");
  await untilAll(replicas, inStep, "the replicas follow their masters");
}
