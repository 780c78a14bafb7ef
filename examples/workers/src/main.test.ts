import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryStore } from "@scale/queue";
import { redisStore } from "@scale/queue/redis";
import { bundle, startRedis, waitUntil } from "@scale/testkit";
import { Redis } from "ioredis";
import { beforeAll, describe, expect, inject, it, onTestFinished } from "vitest";
import { openQueues } from "./queues.js";
import { startWorkers } from "./workers.js";

let main = "";
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "workers-"));
  main = await bundle(new URL("main.ts", import.meta.url), folder);
  return () => rm(folder, { recursive: true });
});

function startMain(env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.err += text));
  const exited = once(child, "close").then(([code]: unknown[]) => code);
  onTestFinished(() => void child.kill("SIGKILL"));
  return { child, output, exited };
}

describe.skipIf(inject("redisUrl") === "")("the worker process", () => {
  it("runs jobs, ends what runs when it gets SIGTERM, and leaves the rest to the next process", async () => {
    const server = await startRedis({ aof: true });
    onTestFinished(() => server.stop());
    const redis = new Redis(server.url);
    onTestFinished(() => redis.disconnect());
    const queues = openQueues(redisStore({ redis }));
    const env = { REDIS_URL: server.url, ENABLE_JOB_QUEUES: "true" };
    const first = startMain(env);
    await waitUntil(() => first.output.out.includes("ready"), { what: "the worker", timeoutMs: 20_000 });
    for (let i = 0; i < 30; i++) {
      const data = { to: `user${i}@example.com`, subject: "Hello", messageId: `m${i}` };
      await queues.email.enqueue("email.send", data, { tenantId: `tenant-${i % 3}` });
    }
    await waitUntil(() => first.output.out.includes("done: mail"), { what: "the first mail" });
    first.child.kill("SIGTERM");
    expect(await first.exited).toBe(0);
    expect(first.output.out).toContain("workers: drained");
    const second = startMain(env);
    const mails = (): string[] => `${first.output.out}${second.output.out}`.match(/done: mail \S+/g) ?? [];
    await waitUntil(() => mails().length >= 30, { what: "every mail", timeoutMs: 20_000 });
    second.child.kill("SIGTERM");
    expect(await second.exited).toBe(0);
    expect(new Set(mails()).size).toBe(30);
    expect(mails()).toHaveLength(30);
    await Promise.all(Object.values(queues).map((queue) => queue.close()));
  });

  it("ends at once when the queues are turned off", async () => {
    const { exited, output } = startMain({ REDIS_URL: inject("redisUrl"), ENABLE_JOB_QUEUES: "false" });
    expect(await exited).toBe(0);
    expect(output.out).toContain("ENABLE_JOB_QUEUES is off");
  });

  it("names the variable that is missing", async () => {
    const { exited, output } = startMain({});
    expect(await exited).toBe(1);
    expect(output.err).toContain("REDIS_URL");
  });
});

describe("startWorkers", () => {
  it("sends ten e-mails at once, and runs one clean-up at a time", async () => {
    const queues = openQueues(memoryStore({ durability: "none" }));
    const running = new Map<string, number>();
    const most = new Map<string, number>();
    const workers = startWorkers(queues, {
      async run(effect) {
        const [kind = ""] = effect.split(" ");
        running.set(kind, (running.get(kind) ?? 0) + 1);
        most.set(kind, Math.max(most.get(kind) ?? 0, running.get(kind) ?? 0));
        await new Promise((resolve) => setTimeout(resolve, 5));
        running.set(kind, (running.get(kind) ?? 0) - 1);
      },
    });
    const tenantId = "acme";
    for (let i = 0; i < 30; i++) {
      await queues.email.enqueue("email.send", { to: "a@b.test", subject: "x", messageId: `m${i}` }, { tenantId });
      await queues.cleanup.enqueue("sessions.expire", { olderThanDays: 30 }, { tenantId });
    }
    const isDone = async (): Promise<boolean> => {
      const { waiting, active } = await queues.cleanup.counts();
      return waiting + active === 0;
    };
    await waitUntil(isDone, { what: "every clean-up" });
    await workers.drain(1000);
    expect([most.get("mail"), most.get("sessions")]).toEqual([10, 1]);
  });
});
