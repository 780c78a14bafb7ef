import { Redis } from "ioredis";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { TestProject } from "vitest/node";
import { query } from "./postgres/connect.js";
import { findPostgres } from "./postgres/find.js";
import { findRedis } from "./redis/find.js";

/** Runs the setup with what it would provide. */
async function run(): Promise<{ provided: Record<string, string>; teardown: () => Promise<void> }> {
  const provided: Record<string, string> = {};
  const project: Pick<TestProject, "provide"> = {
    provide: (key, value) => {
      provided[key] = value;
    },
  };
  const { default: setup } = await import("./vitest-global.js");
  return { provided, teardown: await setup(project) };
}

describe("the global setup", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    vi.doUnmock("./redis/find.js");
    vi.doUnmock("./postgres/find.js");
    vi.resetModules();
  });

  const without = (...names: ("Redis" | "Postgres")[]): void => {
    for (const name of names) {
      vi.doMock(`./${name.toLowerCase()}/find.js`, async () => {
        const { ServerError } = await import("./server-error.js"); // The one of the modules under test.
        return {
          [`require${name}`]: () => {
            throw new ServerError(`no ${name} server program found`);
          },
        };
      });
    }
  };

  it.skipIf(!findRedis() || !findPostgres())(
    "provides a Redis, a primary and its replica, until it is torn down",
    async () => {
      const { provided, teardown } = await run();
      const { redisUrl = "", postgresUrl = "", postgresReplicaUrl = "" } = provided;
      const redis = new Redis(redisUrl);
      expect(await redis.ping()).toBe("PONG");
      redis.disconnect();
      const standby = "SELECT pg_is_in_recovery() AS standby";
      expect(await query(postgresUrl, standby)).toEqual([{ standby: false }]);
      expect(await query(postgresReplicaUrl, standby)).toEqual([{ standby: true }]);
      await teardown();
      await expect(query(postgresUrl, standby)).rejects.toThrow("ECONNREFUSED");
      await expect(query(postgresReplicaUrl, standby)).rejects.toThrow("ECONNREFUSED");
    },
  );

  it("provides empty urls for missing servers, and warns", async () => {
    without("Redis", "Postgres");
    vi.stubEnv("CI", "");
    const warn = vi.spyOn(console, "warn").mockReturnValue();
    const { provided, teardown } = await run();
    expect(provided).toEqual({ redisUrl: "", postgresUrl: "", postgresReplicaUrl: "" });
    expect(warn.mock.calls.flat()).toEqual([
      "Tests that need it are skipped: no Redis server program found",
      "Tests that need it are skipped: no Postgres server program found",
    ]);
    await teardown();
  });

  it("fails in CI when a server is missing", async () => {
    without("Redis", "Postgres");
    vi.stubEnv("CI", "true");
    await expect(run()).rejects.toThrow("no Redis server program found");
  });
});
