import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createQueue, defineJobs, job, memoryStore } from "../index.js";
import { queueStatus } from "../fetch.js";
import type { Authorize } from "./access.js";
import type { QueueStatusOptions } from "./status.js";

const jobs = defineJobs({ greet: job({ input: z.object({}) }) });

async function twoQueues(): Promise<QueueStatusOptions["queues"]> {
  const store = memoryStore({ durability: "none" });
  const [email, reports] = ["email", "reports"].map((name) => createQueue(jobs, { name, store }));
  for (const tenantId of ["acme", "acme", "globex"]) await email!.enqueue("greet", {}, { tenantId });
  return [email!, reports!];
}

const get = (path: string, method = "GET"): Request => new Request(`http://localhost${path}`, { method });
const operator: Authorize = () => ({ tenants: "all" });

describe("queueStatus", () => {
  it("answers stats of all tenants to an operator", async () => {
    const handler = queueStatus({ queues: await twoQueues(), authorize: operator });
    const response = await handler(get("/api/queues/stats?x=1"));
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toMatchObject({
      queues: [
        {
          name: "email",
          counts: { waiting: 3, active: 0 },
          tenants: [
            { tenantId: "acme", waiting: 2 },
            { tenantId: "globex", waiting: 1 },
          ],
        },
        { name: "reports", counts: { waiting: 0 }, tenants: [] },
      ],
    });
  });

  it("shows a sender with one tenant nothing of another", async () => {
    const handler = queueStatus({ queues: await twoQueues(), authorize: async () => ({ tenants: ["globex"] }) });
    const text = await (await handler(get("/api/queues/stats"))).text();
    expect(text).not.toContain("acme");
    expect(JSON.parse(text).queues[0]).toEqual({ name: "email", tenants: [expect.objectContaining({ waiting: 1 })] });
  });

  it.each(["/api/queues/stats", "/api/queues/health"])("answers 401 to a sender without access: %s", async (path) => {
    const handler = queueStatus({ queues: await twoQueues(), authorize: () => undefined });
    expect((await handler(get(path))).status).toBe(401);
  });

  it("does not take another result of authorize for access", async () => {
    const authorize = (() => true) as never;
    const handler = queueStatus({ queues: await twoQueues(), authorize });
    await expect(handler(get("/api/queues/stats"))).rejects.toThrow('expected { tenants: "all" | string[] }');
  });

  it("answers 503 while a store does not answer, without its error", async () => {
    const [email, reports] = await twoQueues();
    const stored = { ...reports!.stored, ping: () => Promise.reject(new Error("redis://secret@host")) };
    const handler = queueStatus({ queues: [email!, { ...reports!, stored }], authorize: operator });
    const response = await handler(get("/api/queues/health"));
    expect(response.status).toBe(503);
    const text = await response.text();
    expect(text).not.toContain("secret");
    expect(JSON.parse(text)).toEqual({
      status: "down",
      queues: [
        { name: "email", status: "up" },
        { name: "reports", status: "down" },
      ],
    });
  });

  it("answers 405 to a method that changes, and 404 to other paths", async () => {
    const handler = queueStatus({ queues: await twoQueues(), authorize: operator, path: "/admin/queues/" });
    expect((await handler(get("/admin/queues/stats", "POST"))).status).toBe(405);
    expect((await handler(get("/admin/queues/__proto__"))).status).toBe(404);
  });

  it("needs authorize", async () => {
    const queues = await twoQueues();
    expect(() => queueStatus({ queues } as never)).toThrow("queueStatus: authorize: ");
  });
});
