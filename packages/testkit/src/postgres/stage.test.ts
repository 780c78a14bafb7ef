import { chmod, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { startProcessPool } from "../process/process-pool.js";
import { findPostgres } from "./find.js";

describe.skipIf(!findPostgres("package"))("the staging of Postgres", () => {
  let temp: string;
  const start = async (): Promise<void> => {
    const { startPostgres } = await import("./cluster.js");
    const cluster = await startPostgres();
    await cluster.stop();
  };

  beforeAll(async () => {
    temp = await mkdtemp(join(tmpdir(), "stage test "));
    await chmod(temp, 0o755); // For the account that Postgres runs as.
    vi.stubEnv("TMPDIR", temp);
    vi.stubEnv("PG_BIN", "");
  });
  // A process looks at the stage once; these tests are several.
  beforeEach(() => {
    vi.resetModules();
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(temp, { recursive: true });
  });

  it("is done by several processes at the same time, and leaves nothing half done", async () => {
    const pool = await startProcessPool({
      size: 2,
      script: new URL("../../fixtures/servers.worker.ts", import.meta.url),
    });
    try {
      expect(await pool.all("stage")).toEqual(["ok", "ok"]);
    } finally {
      await pool.close();
    }
    const [stage = "", ...more] = await readdir(temp);
    expect(more).toEqual([]);
    expect((await readdir(join(temp, stage))).sort()).toEqual(["native", "template"]);
  });

  it("is done again for a copy that has lost files", async () => {
    const [stage = ""] = await readdir(temp);
    await rm(join(temp, stage, "template/global"), { recursive: true });
    await start();
  });

  it("takes no programs from a folder of another account", async () => {
    const [stage = ""] = await readdir(temp);
    await rm(join(temp, stage), { recursive: true });
    await symlink(tmpdir(), join(temp, stage));
    await expect(start()).rejects.toThrow("belongs to another account");
  });
});
