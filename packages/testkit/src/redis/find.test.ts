import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { findRedis } from "./find.js";

describe("findRedis", () => {
  let folder: string;
  const program = async (name: string, output: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, `#!/bin/sh\necho '${output}'\n`, { mode: 0o755 });
    return path;
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "find-redis-"));
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    await rm(folder, { recursive: true });
  });

  it("takes the program that SCALE_TEST_REDIS names", async () => {
    const path = await program("x", "Valkey server v=8.0.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64");
    vi.stubEnv("SCALE_TEST_REDIS", path);
    expect(findRedis()).toEqual({ name: "valkey", version: "8.0.1", path });
  });

  it("throws for a SCALE_TEST_REDIS that does not run, rather than skip tests", () => {
    vi.stubEnv("SCALE_TEST_REDIS", "/no/such/redis-server");
    expect(() => findRedis()).toThrow("SCALE_TEST_REDIS is /no/such/redis-server, which does not run");
    vi.stubEnv("SCALE_TEST_REDIS", "redis-0");
    expect(() => findRedis()).toThrow("SCALE_TEST_REDIS is redis-0, which does not run");
  });

  it("prefers redis-server on PATH, then valkey-server", async () => {
    vi.stubEnv("SCALE_TEST_REDIS", "");
    vi.stubEnv("PATH", folder);
    await symlink("/bin/sh", join(folder, "sh"));
    await program("valkey-server", "Valkey server v=8.1.0 sha=0");
    vi.resetModules();
    expect((await import("./find.js")).findRedis()).toMatchObject({ name: "valkey", version: "8.1.0" });
    await program("redis-server", "Redis server v=7.4.0 sha=0");
    vi.resetModules();
    expect((await import("./find.js")).findRedis()).toMatchObject({ name: "redis", version: "7.4.0" });
  });

  it("explains where to get one when there is none", async () => {
    vi.stubEnv("SCALE_TEST_REDIS", "");
    vi.stubEnv("PATH", folder);
    // The module's own workspace may have fetched servers; a module that is elsewhere has none.
    vi.spyOn(process, "cwd").mockReturnValue(folder);
    vi.resetModules();
    vi.doMock("node:url", () => ({ fileURLToPath: () => join(folder, "find.js") }));
    const elsewhere = await import("./find.js");
    vi.doUnmock("node:url");
    expect(elsewhere.findRedis()).toBeUndefined();
    expect(() => elsewhere.requireRedis()).toThrow("run `node scripts/bootstrap/redis.mjs`");
  });

  it("takes a server that was fetched into the workspace, but not one whose fetch is under way", async () => {
    vi.stubEnv("SCALE_TEST_REDIS", "");
    vi.stubEnv("PATH", folder);
    await symlink("/bin/sh", join(folder, "sh"));
    await writeFile(join(folder, "pnpm-workspace.yaml"), "");
    for (const name of [".fetch-x", "redis-9"]) await mkdir(join(folder, ".cache/redis", name), { recursive: true });
    await program(".cache/redis/.fetch-x/redis-server", "Redis server v=1.0.0 sha=0");
    const path = await program(".cache/redis/redis-9/redis-server", "Redis server v=9.0.0 sha=0");
    vi.spyOn(process, "cwd").mockReturnValue(join(folder, ".cache"));
    vi.resetModules();
    expect((await import("./find.js")).findRedis()).toEqual({ name: "redis", version: "9.0.0", path });
    vi.stubEnv("SCALE_TEST_REDIS", "redis-9");
    expect((await import("./find.js")).findRedis()).toEqual({ name: "redis", version: "9.0.0", path });
  });
});
