import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { bundle } from "@scale/testkit";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ClusterResult } from "../../test/cluster.worker.js";
import { createMetrics } from "../index.js";
import { sendToPrimary } from "./index.js";

const run = promisify(execFile);

describe("sendToPrimary and receiveFromWorkers", () => {
  it("conserve every event of workers that end, and count none twice of one that is killed", {
    timeout: 30_000,
  }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "scale-metrics-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const program = await bundle(new URL("../../test/cluster.worker.ts", import.meta.url), folder);
    const { stdout } = await run(process.execPath, [program], { timeout: 25_000 });
    const { recorded, counted, observed, killedCounts, failures } = JSON.parse(stdout) as ClusterResult;
    expect(failures).toBe(0);
    for (const worker of ["a", "b", "replacement"])
      expect([worker, counted[worker], observed[worker]]).toEqual([worker, recorded[worker], recorded[worker]]);
    const { killed = 0 } = counted;
    // Some of what it recorded last was not sent yet, and nothing is there twice.
    expect(killed).toBeGreaterThan(0);
    expect(killed).toBeLessThanOrEqual((recorded["killed"] ?? 0) + 100);
    expect(observed["killed"]).toBe(killed);
    expect(killedCounts).toEqual(killedCounts.toSorted((a, b) => a - b));
    expect(killedCounts.at(-1)).toBe(killed);
  });

  it("refuse a process that is no worker", async () => {
    const metrics = createMetrics({ events: false, process: false });
    onTestFinished(() => metrics.close());
    expect(() => sendToPrimary(metrics)).toThrow(/expected a worker of node:cluster/);
  });
});
