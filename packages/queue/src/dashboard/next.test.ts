import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createQueue, defineJobs, job, memoryStore } from "../index.js";
import { queueDashboard, type QueueDashboardOptions } from "./next.js";

const jobs = defineJobs({ mail: job({ input: z.object({ to: z.string() }) }) });
const BASE = "http://localhost/admin/queues";

function open(authorize: QueueDashboardOptions["authorize"]) {
  const queue = createQueue(jobs, { name: "email", store: memoryStore({ durability: "none" }) });
  return { queue, GET: queueDashboard({ queues: [queue], authorize }) };
}

describe("queueDashboard of fetch", () => {
  it("shows a sender the jobs of its tenant, with masked data", async () => {
    const { queue, GET } = open(() => ({ tenants: ["globex"] }));
    await queue.enqueue("mail", { to: "a@acme.test" }, { tenantId: "acme" });
    const { id } = await queue.enqueue("mail", { to: "g@globex.test" }, { tenantId: "globex" });
    const response = await GET(new Request(`${BASE}/api/queues?activeQueue=email&status=latest&page=1&jobsPerPage=10`));
    const text = await response.text();
    expect(text).not.toMatch(/acme|globex\.test/);
    expect(JSON.parse(text).queues[0]).toMatchObject({ counts: { waiting: 1 }, jobs: [{ id }] });
  });

  it("serves its page and its files below its path", async () => {
    const { GET } = open(() => ({ tenants: "all" }));
    const page = await (await GET(new Request(`${BASE}/`))).text();
    const file = /(?:src|href)="(static\/[^"]+\.js)"/.exec(page)?.[1];
    const served = await GET(new Request(`${BASE}/${file}`));
    expect(served.status).toBe(200);
    expect(served.headers.get("content-type")).toContain("javascript");
    await served.body?.cancel();
  });

  it("answers 401 to a sender without access, 403 to another origin, and 405 to a change", async () => {
    const { GET } = open(({ header }) => (header("authorization") === "Bearer ok" ? { tenants: "all" } : undefined));
    const headers = { authorization: "Bearer ok" };
    expect((await GET(new Request(`${BASE}/api/queues`))).status).toBe(401);
    expect((await GET(new Request(`${BASE}/static/js/main.js`))).status).toBe(401);
    expect(
      (await GET(new Request(`${BASE}/api/queues`, { headers: { ...headers, origin: "https://evil.test" } }))).status,
    ).toBe(403);
    expect((await GET(new Request(`${BASE}/api/queues/email/pause`, { headers, method: "PUT" }))).status).toBe(405);
    expect((await GET(new Request(`${BASE}/api/queues`, { headers }))).status).toBe(200);
  });
});
