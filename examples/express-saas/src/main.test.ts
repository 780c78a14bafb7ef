import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle, createDatabase, isAlive, waitUntil } from "@scale/testkit";
import { Redis } from "ioredis";
import { Client } from "pg";
import { beforeAll, describe, expect, inject, it, onTestFinished } from "vitest";
import { withoutPostgres } from "./testing.js";

// Bundled once: the sources then start in a process of their own as fast as `node dist/main.js`.
let main = "";
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "express-saas-"));
  main = await bundle(new URL("main.ts", import.meta.url), folder);
  return () => rm(folder, { recursive: true });
});

function startMain(env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [main], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    env: { ...process.env, DATABASE_URL: "", REDIS_URL: "", PORT: "0", SCALE_TRAFFIC: "off", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.err += text));
  const exited = once(child, "close").then(([code]: unknown[]) => code);
  onTestFinished(() => void child.kill("SIGKILL"));
  return { child, output, exited };
}

const PAGE = /^http:\/\/localhost:\d+\/scale\?token=\w+\n$/m;

async function untilServing({ output }: ReturnType<typeof startMain>): Promise<string> {
  await waitUntil(() => PAGE.test(output.out), { what: "the address of the page", timeoutMs: 20_000 });
  return output.out.trimEnd().split("\n").at(-1) ?? "";
}

/** Returns the data folders of the embedded servers in the output. */
async function dataFolders(said: string): Promise<string[]> {
  const [, postgresUrl] = /^Postgres .*, (\S+)$/m.exec(said) ?? [];
  const postgres = new Client({ connectionString: postgresUrl });
  await postgres.connect();
  const { rows } = await postgres.query<{ data_directory: string }>("show data_directory");
  await postgres.end();
  const folders = rows.map((row) => row.data_directory);
  const [, redisUrl] = /^Redis .*, (redis:\S+), process \d+$/m.exec(said) ?? [];
  if (redisUrl === undefined) return folders;
  const redis = new Redis(redisUrl);
  const [, folder = ""] = await redis.config("GET", "dir");
  redis.disconnect();
  return [...folders, folder];
}

describe.skipIf(withoutPostgres)("main", () => {
  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("stops everything it started on %s", async (signal) => {
    const main = startMain({ SCALE_TRAFFIC: "50" });
    const page = await untilServing(main);
    const login = await fetch(page, { redirect: "manual" });
    const cookie = login.headers.get("set-cookie")?.split(";")[0] ?? "";
    expect(await (await fetch(new URL("/scale", page), { headers: { cookie } })).text()).toContain("<title>");
    expect(main.output.out).toContain("curl -i http://localhost:");
    const [, quotas = "", authorization = ""] =
      /curl (\S+\/quotas\/\S+) -H "authorization: (.+)"/.exec(main.output.out) ?? [];
    // On a busy machine Redis may answer after its deadline: 503, and 200 to the next request.
    const isRead = async (): Promise<boolean> => (await fetch(quotas, { headers: { authorization } })).status === 200;
    await waitUntil(isRead, { what: "the quotas", timeoutMs: 5000 });
    const replicas = [...main.output.out.matchAll(/postgres:\S+, process (\d+)$/gm)].map(([, pid]) => Number(pid));
    expect(replicas.map(isAlive)).toEqual([true, true]);
    const folders = await dataFolders(main.output.out);
    expect(folders.filter((folder) => existsSync(folder))).toEqual(folders);

    main.child.kill(signal);
    expect(await main.exited).toBe(0);
    expect(main.output.err).toBe("");
    expect(replicas.map(isAlive)).toEqual([false, false]);
    // A running server would have kept its folder.
    expect(folders.filter((folder) => existsSync(folder))).toEqual([]);
    await expect(fetch(page)).rejects.toThrow("fetch failed");
  });

  it("reports in one line that the port is taken, and stops what it started", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as { port: number };
    const { output, exited } = startMain({ PORT: String(port) });
    expect(await exited).toBe(1);
    expect(output.out).toBe("");
    expect(output.err).toBe(`express-saas: listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`);
  });

  it.each([
    [{ PORT: "many" }, /^express-saas: PORT: expected a port .*, got "many"\n$/],
    [{ SCALE_TRAFFIC: "much" }, /^express-saas: SCALE_TRAFFIC: .*, got "much"\n$/],
    [{ DATABASE_URL: "mysql://x" }, /^express-saas: .*DATABASE_URL.*\n$/],
    [{ DATABASE_URL: "postgresql://127.0.0.1:1/crm" }, /^express-saas: the database at 127.0.0.1:1\/crm .*\n$/],
  ])("reports %o in one line", async (env, line) => {
    const { output, exited } = startMain(env);
    expect(await exited).toBe(1);
    expect(output.out).toBe("");
    expect(output.err).toMatch(line);
    expect(output.err.trimEnd()).not.toContain("\n");
  });

  it("uses the database of DATABASE_URL and leaves it running", async () => {
    const main = startMain({ DATABASE_URL: await createDatabase(inject("postgresUrl"), "saas_main") });
    await untilServing(main);
    expect(main.output.out).toContain("Postgres  DATABASE_URL\n");
    main.child.kill("SIGTERM");
    expect(await main.exited).toBe(0);
  });
});
