import { createQueue, defineJobs, job, memoryStore } from "@scale/queue";
import { queueDashboard } from "@scale/queue/dashboard/next";
import type { Line, SectionOptions } from "@scale/testkit";
import { z } from "zod";
import { line } from "../bound.js";
import { startNextApp } from "./app.js";

/** Asks the dashboard for a path below its own. */
type Ask = (path: string, init?: RequestInit) => Promise<Response>;

const PATH = "/admin/queues";
const headers = { authorization: "Bearer ok" };

/** Does a Next application that was built and traced serve the dashboard of queues, closed to senders without access? */
export async function* queueNext({ smoke }: SectionOptions): AsyncIterable<Line> {
  // Installing and building the application takes a minute; the short form asks the same handler in this process.
  if (smoke) yield* judged("queue-next: route handler", await openHandler());
  else yield* built();
}

async function* built(): AsyncIterable<Line> {
  const app = await startNextApp();
  try {
    const ask: Ask = (path, init) => fetch(`${app.url}${PATH}${path}`, init);
    yield* judged("queue-next: built App Router application, standalone output", ask);
  } finally {
    await app.stop();
  }
}

async function openHandler(): Promise<Ask> {
  const jobs = defineJobs({ mail: job({ input: z.object({ to: z.string() }) }) });
  const queue = createQueue(jobs, { name: "email", store: memoryStore({ durability: "none" }) });
  for (const tenantId of ["acme", "globex"]) await queue.enqueue("mail", { to: `jane@${tenantId}.test` }, { tenantId });
  const GET = queueDashboard({
    queues: [queue],
    authorize: ({ header }) => (header("authorization") === "Bearer ok" ? { tenants: ["acme"] } : undefined),
  });
  return (path, init) => GET(new Request(`http://localhost${PATH}${path}`, init));
}

async function* judged(about: string, ask: Ask): AsyncIterable<Line> {
  const statusOf = async (path: string, init?: RequestInit): Promise<number> => {
    const response = await ask(path, init);
    await response.body?.cancel();
    return response.status;
  };
  const page = await (await ask("/", { headers })).text();
  const files = [...page.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, file]) => `/${file}`);
  yield line({ proof: `${about}, files of the page`, unit: "files", value: files.length, bound: { atLeast: 2 } });
  const served = await Promise.all(files.map((file) => statusOf(file, { headers })));
  const list = await ask("/api/queues?activeQueue=email&status=latest&page=1&jobsPerPage=10", { headers });
  const shown = await list.text();
  const closed = await Promise.all(["/", "/api/queues", ...files].map((path) => statusOf(path)));
  const wrong = {
    "files of the page that are not served": served.filter((status) => status !== 200).length,
    "jobs of the tenant that are not shown, with masked data": shown.includes("(string of 14)") ? 0 : 1,
    "traces of another tenant, and of data": shown.split(/globex|jane@/).length - 1,
    "answers other than 401 without access": closed.filter((status) => status !== 401).length,
    "changes that are not refused": (await statusOf("/api/queues/pause", { headers, method: "PUT" })) === 405 ? 0 : 1,
  };
  for (const [what, value] of Object.entries(wrong)) {
    yield line({ proof: `${about}, ${what}`, unit: "", value, bound: { atMost: 0 } });
  }
}
