import type { Answer, Call } from "./client.js";

const RESOURCES = ["contacts", "deals", "invoices", "tasks"] as const;
const USERS = ["ada", "ben", "chloe", "dev", "elif"] as const;

/** The users of one tenant at work: they mostly read, and now and then add a task, finish it and delete it. */
export interface TenantTraffic {
  next(): Call;
  /** Learns from the answer to a call. */
  learn(call: Call, answer: Answer): void;
}

export function createTenantTraffic(tenantId: string, random: () => number): TenantTraffic {
  let contactId: number | undefined;
  // One at a time, so that the table does not grow.
  let taskId: number | undefined;
  const pick = <T>(list: readonly [T, ...T[]]): T => list[Math.floor(random() * list.length)] ?? list[0];

  function action(): Omit<Call, "headers"> {
    if (contactId === undefined) return { method: "GET", path: "/contacts" };
    const roll = random();
    if (roll < 0.5) return { method: "GET", path: `/${pick(RESOURCES)}?limit=20` };
    if (roll < 0.7) return { method: "GET", path: `/contacts/${contactId}` };
    if (taskId === undefined) {
      return { method: "POST", path: "/tasks", body: { contactId, title: "Call back", dueOn: "2026-06-01" } };
    }
    return roll < 0.85
      ? { method: "PATCH", path: `/tasks/${taskId}`, body: { done: true } }
      : { method: "DELETE", path: `/tasks/${taskId}` };
  }

  return {
    next: () => ({ ...action(), headers: { "x-tenant-id": tenantId, "x-user-id": pick(USERS) } }),
    learn({ method, path }, { status, body }) {
      if (method === "GET" && path === "/contacts" && status === 200) contactId = firstId(body);
      if (method === "POST" && status === 201) taskId = idOf(body);
      if (method === "DELETE" && (status === 204 || status === 404)) taskId = undefined;
    },
  };
}

function firstId(list: unknown): number | undefined {
  const { items } = list as { items: readonly unknown[] };
  return idOf(items[0]);
}

const idOf = (row: unknown): number | undefined => (row as { id: number } | undefined)?.id;
