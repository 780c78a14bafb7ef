import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { bundle } from "@scale/testkit";
import { expect, it, onTestFinished } from "vitest";

it("keeps no process alive: neither sinks nor the source of the live page, and nothing of createMetrics", async () => {
  const folder = await mkdtemp(join(tmpdir(), "scale-metrics-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const program = await bundle(new URL("../test/idle.worker.ts", import.meta.url), folder);
  // It ends by itself, or is killed and rejects.
  const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 20_000 });
  expect(stdout).toBe("[]");
});
