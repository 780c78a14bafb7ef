import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle, findPostgres, type PostgresCluster, startPostgres } from "@scale/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

describe.skipIf(!findPostgres())("a script that never closes its router", () => {
  const folder = mkdtempSync(join(tmpdir(), "scale-exit-"));
  let cluster: PostgresCluster;
  let program: string;
  beforeAll(async () => {
    cluster = await startPostgres();
    program = await bundle(new URL("../test/unclosed.worker.ts", import.meta.url), folder);
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await cluster.stop();
  });

  it.each(["router's", "own"])("exits when its work is done, as with plain pg: %s pool", async (whose) => {
    const child = spawn(process.execPath, [program, cluster.url, whose], { stdio: ["ignore", "pipe", "inherit"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), 8_000);
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    clearTimeout(timer);
    expect([code, signal]).toEqual([0, null]);
  });
});
