import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findPostgres } from "../postgres/find.js";
import { type ProcessPool, startProcessPool } from "./process-pool.js";
import { findRedis } from "../redis/find.js";
import { waitUntil } from "../wait.js";
import { isAlive } from "./liveness.js";
import { guardFolder } from "./watchdog.js";

interface Started {
  /** The servers and the watchdog itself. */
  pids: number[];
  /** Of Postgres; some last no longer than a connection. */
  backends: number[];
  folder: string;
  /** "key id" of the first server, as the system's table has them. */
  sharedMemory?: string;
}

async function gone({ pids, backends, folder }: Started): Promise<void> {
  await waitUntil(() => ![...pids, ...backends].some(isAlive), { what: `the end of ${pids.join()}`, timeoutMs: 5_000 });
  await waitUntil(() => !existsSync(folder), { what: `the removal of ${folder}`, timeoutMs: 5_000 });
}

describe("watchdog", () => {
  let temp: string;
  let pool: ProcessPool<unknown>;

  async function open(env: NodeJS.ProcessEnv = {}): Promise<void> {
    const script = new URL("../../fixtures/servers.worker.ts", import.meta.url);
    pool = await startProcessPool({ size: 1, script, env: { ...process.env, ...env } });
  }

  async function start(what: string): Promise<Started> {
    const started = (await pool.one(0, what)) as Started;
    expect(started.pids.length).toBeGreaterThan(0);
    expect(started.pids.every(isAlive)).toBe(true);
    expect(existsSync(started.folder)).toBe(true);
    return started;
  }

  beforeEach(async () => {
    temp = await mkdtemp(join(tmpdir(), "watchdog $x's-")); // A name that a shell would misread.
  });
  afterEach(async () => {
    await pool.close();
    await rm(temp, { recursive: true, force: true });
  });

  it.skipIf(!findRedis())("ends a Redis and its folder when their process is killed", async () => {
    await open({ TMPDIR: temp });
    const started = await start("redis");
    expect(started.folder.startsWith(temp)).toBe(true);
    await pool.kill(0);
    await gone(started);
  });

  it.skipIf(!findRedis())("ends them when their process ends in peace without a stop", async () => {
    await open();
    const started = await start("redis");
    await expect(pool.one(0, "leave")).rejects.toThrow("ended with code 0");
    await gone(started);
  });

  it.skipIf(!findRedis())("leaves them alone on Ctrl-C, for the process to stop them in order", async () => {
    await open();
    const started = await start("redis");
    expect(await pool.one(0, "await SIGINT")).toBe("PONG");
    await pool.kill(0);
    await gone(started);
  });

  it.skipIf(!findPostgres())(
    "ends frozen Postgres servers with all their backends and their shared memory",
    async () => {
      await open();
      const started = await start("postgres");
      expect(started.backends.filter(isAlive).length).toBeGreaterThan(6);
      await pool.kill(0);
      await gone(started);
      const table = existsSync("/proc/sysvipc/shm") ? readFileSync("/proc/sysvipc/shm", "utf8") : "";
      const lock = started.sharedMemory?.trim().split(/\s+/).join(" ") ?? "";
      expect(lock).toMatch(/^\d+ \d+$/);
      expect(table.replaceAll(/ +/g, " ")).not.toContain(` ${lock} `);
    },
  );
});

describe("guardFolder", () => {
  it("refuses a folder that it would not dare to remove", () => {
    expect(() => guardFolder("/tmp")).toThrow("not a folder of ours");
  });
});
