import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:http";
import express from "express";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { createQueue, createWorker, defineJobs, job, memoryStore, Permanent } from "../index.js";
import { waitUntil } from "@scale/testkit";
import { queueDashboard, type QueueDashboardOptions } from "./express.js";

const jobs = defineJobs({ mail: job({ input: z.object({ to: z.string() }), attempts: 1 }) });
const PATH = "/admin/queues";

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
});

type Board = (path: string, init?: RequestInit) => Promise<Response>;

async function open(options: Partial<QueueDashboardOptions> = {}) {
  const queue = createQueue(jobs, { name: "email", store: memoryStore({ durability: "none" }) });
  const app = express();
  const authorize = () => ({ tenants: "all" as const });
  app.use(PATH, queueDashboard({ queues: [queue], authorize, ...options }));
  server = createServer(app);
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const get: Board = (path, init) => fetch(`http://127.0.0.1:${port}${PATH}${path}`, init);
  return { queue, get, port };
}

const listed = async (get: Board, status = "latest"): Promise<string> =>
  (await get(`/api/queues?activeQueue=email&status=${status}&page=1&jobsPerPage=10`)).text();

describe("queueDashboard", () => {
  it("does not mount without authorize", async () => {
    const queue = createQueue(jobs, { store: memoryStore({ durability: "none" }) });
    expect(() => queueDashboard({ queues: [queue] } as never)).toThrow("queueDashboard: authorize: ");
  });

  it("counts and shows the jobs that wait in the lines of their tenants, with masked data", async () => {
    const { queue, get } = await open();
    await queue.enqueue("mail", { to: "jane@example.com" }, { tenantId: "acme" });
    await queue.enqueue("mail", { to: "jane@example.com" }, { tenantId: "acme", delay: "1h" });
    const text = await listed(get);
    expect(text).not.toContain("jane");
    const [shown] = JSON.parse(text).queues;
    expect(shown).toMatchObject({ name: "email", readOnlyMode: true, counts: { waiting: 1, delayed: 1, active: 0 } });
    expect(shown.jobs).toHaveLength(2);
    expect(shown.jobs[0]).toMatchObject({ name: "mail", data: { to: "(string of 16)" }, opts: { tenantId: "acme" } });
  });

  it("shows a sender with one tenant nothing of another, by list, count or id", async () => {
    const { queue, get } = await open({ authorize: () => ({ tenants: ["globex"] }) });
    const { id } = await queue.enqueue("mail", { to: "a@acme.test" }, { tenantId: "acme" });
    const own = await queue.enqueue("mail", { to: "g@globex.test" }, { tenantId: "globex" });
    const text = await listed(get);
    expect(text).not.toContain("acme");
    expect(JSON.parse(text).queues[0].counts).toMatchObject({ waiting: 1 });
    expect((await get(`/api/queues/email/${id}`)).status).toBe(404);
    expect((await get(`/api/queues/email/${own.id}`)).status).toBe(200);
  });

  it("masks errors and outputs, and shows what redact returns instead", async () => {
    const { queue, get } = await open({ redact: (shown) => ({ ...shown, data: "shown by redact" }) });
    await queue.enqueue("mail", { to: "jane@example.com" }, { tenantId: "acme" });
    const worker = createWorker(queue, {
      mail: async () => {
        throw new Permanent("no mailbox jane@example.com");
      },
    });
    await waitUntil(async () => (await queue.counts()).dead === 1, { what: "the dead job" });
    const text = await listed(get, "failed");
    expect(text).toContain("shown by redact");
    expect(text).toContain("no mailbox");
    await worker.drain({ deadlineMs: 100 });
  });

  it("masks the message and the stack of an error by default", async () => {
    const { queue, get } = await open();
    await queue.enqueue("mail", { to: "jane@example.com" }, { tenantId: "acme" });
    const worker = createWorker(queue, { mail: () => Promise.reject(new Permanent("no mailbox jane@example.com")) });
    await waitUntil(async () => (await queue.counts()).dead === 1, { what: "the dead job" });
    const text = await listed(get, "failed");
    expect(text).not.toContain("jane");
    expect(text).toContain("permanent: Permanent");
    await worker.drain({ deadlineMs: 100 });
  });

  it("answers 401 to a sender without access: pages, data and files", async () => {
    const { get } = await open({ authorize: () => undefined });
    for (const path of ["/", "/api/queues", "/queue/email", "/static/js/main.js"]) {
      expect((await get(path)).status, path).toBe(401);
    }
  });

  it.each([
    ["put", "/api/queues/email/pause"],
    ["put", "/api/queues/email/retry/failed"],
    ["post", "/api/queues/email/add"],
    ["put", "/api/queues/pause"],
    ["delete", "/api/queues/email/x"],
  ])("changes nothing: %s %s", async (method, path) => {
    const { get } = await open();
    expect((await get(path, { method })).status).toBe(405);
  });

  it.each([
    ["another origin", { origin: "https://evil.test" }, 403],
    ["an opaque origin", { origin: "null" }, 403],
    ["another site's script", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" }, 403],
    ["a link on another site", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }, 200],
    ["its own page", { "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" }, 200],
  ])("answers a request of %s with its status", async (_what, headers, status) => {
    const { get } = await open();
    // fetch itself sets these headers, and node:http does not.
    const { request } = await import("node:http");
    const { port } = server!.address() as AddressInfo;
    const answered = await new Promise((resolve, reject) => {
      const sent = request({ port, path: `${PATH}/api/queues`, headers: { ...headers, host: `127.0.0.1:${port}` } });
      sent.on("response", (response) => resolve(response.resume().statusCode)).on("error", reject);
      sent.end();
    });
    expect(answered).toBe(status);
    expect((await get("/")).headers.get("x-frame-options")).toBe("DENY");
  });

  it("serves its page and its files below its path", async () => {
    const { get } = await open();
    const page = await (await get("/")).text();
    expect(page).toContain("<title>Queues</title>");
    const file = /(?:src|href)="(static\/[^"]+\.js)"/.exec(page)?.[1];
    expect((await get(`/${file}`)).status).toBe(200);
  });
});
