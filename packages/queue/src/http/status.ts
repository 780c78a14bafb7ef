import { createDeadline, functionOption, parseOptions, timeoutOption } from "@scale/core/kit";
import { type HttpGuard, problem, type Reply } from "@scale/http";
import { z } from "zod";
import type { Queue } from "../queue/types.js";
import type { JobCounts, TenantStats } from "../types.js";
import { accessOf, type Authorize, type QueueAccess } from "./access.js";

/** The part of a queue that its status is read from. */
export type StatusQueue = Pick<Queue, "name" | "counts" | "tenants" | "stored">;

export interface QueueStatusOptions {
  readonly queues: readonly StatusQueue[];
  /** Function that returns the access of the sender of a request. There is no default: names of tenants are no public data. */
  readonly authorize: Authorize;
  /**
   * Path of the two resources, `health` and `stats`, as the client sends it.
   * @default "/api/queues"
   */
  readonly path?: string;
  /**
   * Deadline of one queue's answer, in milliseconds.
   * @default 1000
   */
  readonly timeoutMs?: number;
}

const isQueue = (value: unknown): value is StatusQueue =>
  typeof value === "object" && value !== null && "counts" in value && "stored" in value && "name" in value;

const optionsSchema = z.strictObject({
  queues: z.array(z.custom<StatusQueue>(isQueue, "expected a queue of createQueue")).min(1),
  authorize: functionOption<Authorize>("a function that returns the access of a request"),
  path: z.string().startsWith("/").default("/api/queues"),
  timeoutMs: timeoutOption(1000),
});

/** Tenants in the answer to an operator: those with the lowest names; the events have all. */
const MAX_TENANTS = 100;

/**
 * Answers `GET /api/queues/health` and `GET /api/queues/stats`, and lets every other request pass.
 * - `health`: 200 when the store of every queue answers, 503 otherwise
 * - `stats`: counts by state and by tenant; a sender with some tenants sees those alone
 * @throws {ConfigError} that names every wrong option
 */
export function queueStatusGuard(options: QueueStatusOptions): HttpGuard {
  const { queues, authorize, path, timeoutMs } = parseOptions(optionsSchema, options, "queueStatus");
  const deadline = createDeadline(timeoutMs);
  const base = path.replace(/\/+$/, "");
  const resources: Readonly<Record<string, (access: QueueAccess) => Promise<Reply>>> = {
    [`${base}/health`]: () => health(queues, deadline),
    [`${base}/stats`]: (access) => stats(queues, access, deadline),
  };
  return async (facts) => {
    const [resource = ""] = facts.url.split("?");
    const answer = Object.hasOwn(resources, resource) ? resources[resource] : undefined;
    if (answer === undefined) return {};
    const allowed = await accessOf(authorize, facts);
    if ("reply" in allowed) return allowed;
    if (facts.method === "GET" || facts.method === "HEAD") return { reply: await answer(allowed.access) };
    return { reply: problem({ title: "Method Not Allowed", status: 405, headers: { allow: "GET, HEAD" } }) };
  };
}

type InTime = ReturnType<typeof createDeadline>;

const json = (status: number, body: unknown): Reply => ({ status, headers: { "cache-control": "no-store" }, body });

/** The error of a store goes to `scale:queue:store-fail`, and not to the client. */
async function health(queues: readonly StatusQueue[], deadline: InTime): Promise<Reply> {
  const found = await Promise.all(
    queues.map(async ({ name, stored }) => {
      const isUp = await deadline(stored.ping(), `the store of queue ${name}`).then(
        () => true,
        () => false,
      );
      return { name, status: isUp ? "up" : "down" };
    }),
  );
  const isUp = found.every(({ status }) => status === "up");
  return json(isUp ? 200 : 503, { status: isUp ? "up" : "down", queues: found });
}

interface QueueStats {
  readonly name: string;
  /** Only for `tenants: "all"`. */
  readonly counts?: JobCounts;
  readonly tenants: readonly TenantStats[];
}

async function stats(queues: readonly StatusQueue[], { tenants }: QueueAccess, deadline: InTime): Promise<Reply> {
  const found = await Promise.all(
    queues.map((queue) => deadline(statsOf(queue, tenants), `the store of queue ${queue.name}`)),
  );
  return json(200, { queues: found });
}

async function statsOf(queue: StatusQueue, tenants: QueueAccess["tenants"]): Promise<QueueStats> {
  const { name } = queue;
  if (tenants !== "all") {
    const seen = tenants.slice(0, MAX_TENANTS);
    return { name, tenants: await Promise.all(seen.map((tenantId) => queue.tenants.stats(tenantId))) };
  }
  const [counts, page] = await Promise.all([queue.counts(), queue.tenants.list({ limit: MAX_TENANTS })]);
  return { name, counts, tenants: page.items };
}
