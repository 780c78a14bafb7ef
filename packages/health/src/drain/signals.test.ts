import { spawn } from "node:child_process";
import { on, once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle, waitUntil } from "@scale/testkit";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { DrainedProgram } from "../../test/drained.worker.js";

let program = "";
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "scale-health-"));
  program = await bundle(new URL("../../test/drained.worker.ts", import.meta.url), folder);
  return () => rm(folder, { recursive: true });
});

async function start(options: DrainedProgram) {
  const child = spawn(process.execPath, [program, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (output += text));
  const ended = once(child, "close").then(([code]: unknown[]) => ({ code, output: output.split("\n").slice(1, -1) }));
  onTestFinished(() => void child.kill("SIGKILL"));
  await waitUntil(() => output.includes("\n"), { what: "the program" });
  const told = async (what: string): Promise<void> => {
    for await (const [message] of on(child, "message")) if (message === what) return;
  };
  return { child, ended, told, url: output.trim() };
}

describe("onSignals", () => {
  it("drains on SIGTERM, finishes the request in flight, and exits with 0", async () => {
    const { child, ended, told, url } = await start({ delayMs: 50, deadlineMs: 10_000 });
    const arrived = told("request");
    const answer = fetch(`${url}/slow`);
    await arrived;
    child.kill("SIGTERM");
    // The terminal and the package manager may both send it.
    child.kill("SIGTERM");
    expect(await (await answer).text()).toBe("ok");
    expect(await ended).toEqual({ code: 0, output: ["SIGTERM closed"] });
  });

  it("does not wait for a balancer on SIGINT", async () => {
    const { child, ended } = await start({ delayMs: 60_000, deadlineMs: 70_000 });
    child.kill("SIGINT");
    expect(await ended).toEqual({ code: 0, output: ["SIGINT closed"] });
  });

  it("exits with 1 when a resource does not close", async () => {
    const { child, ended } = await start({ delayMs: 0, deadlineMs: 10_000, isHanging: true });
    child.kill("SIGTERM");
    expect(await ended).toEqual({ code: 1, output: ["SIGTERM timed-out"] });
  });

  it("ends the process at once on a second signal", async () => {
    const { child, ended, told } = await start({ delayMs: 60_000, deadlineMs: 70_000 });
    const draining = told("draining");
    child.kill("SIGTERM");
    await draining;
    const skipped = told("skipped");
    child.send("skip");
    await skipped;
    child.kill("SIGINT");
    expect(await ended).toEqual({ code: 130, output: [] });
  });
});
