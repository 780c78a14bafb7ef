import type { TestProject } from "vitest/node";
import { startPostgres } from "./postgres/cluster.js";
import { requirePostgres } from "./postgres/find.js";
import { requireRedis } from "./redis/find.js";
import { startRedis } from "./redis/server.js";
import { ServerError } from "./server-error.js";

interface Stoppable {
  stop(): Promise<void>;
}

/**
 * Starts one Redis, and one Postgres primary with a replica, for the whole run. A test file keeps to a key prefix and a
 * database of its own (`createDatabase`).
 * A machine without one of them gets "" for its url and a line that says so, for tests to skip; with CI=true it is an error.
 */
export default async function setup(project: Pick<TestProject, "provide">): Promise<() => Promise<void>> {
  const running: Stoppable[] = [];
  // One that fails to stop must not keep the others.
  const teardown = async (): Promise<void> => {
    await Promise.allSettled(running.map((server) => server.stop()));
  };
  const redisStart = ifPresent(requireRedis, startRedis, running);
  const postgresStart = ifPresent(requirePostgres, () => startPostgres({ replicas: 1 }), running);
  try {
    await Promise.allSettled([redisStart, postgresStart]);
    const [redis, postgres] = [await redisStart, await postgresStart];
    project.provide("redisUrl", redis?.url ?? "");
    project.provide("postgresUrl", postgres?.url ?? "");
    project.provide("postgresReplicaUrl", postgres?.replicas[0]?.url ?? "");
  } catch (error) {
    await teardown();
    throw error;
  }
  return teardown;
}

async function ifPresent<Server extends Stoppable>(
  find: () => unknown,
  start: () => Promise<Server>,
  running: Stoppable[],
): Promise<Server | undefined> {
  try {
    find();
  } catch (error) {
    if (process.env["CI"] === "true" || !(error instanceof ServerError)) throw error;
    console.warn(`Tests that need it are skipped: ${error.message}`);
    return undefined;
  }
  const server = await start();
  running.push(server);
  return server;
}
