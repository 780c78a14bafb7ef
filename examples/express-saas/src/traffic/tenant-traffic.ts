import { randomUUID } from "node:crypto";
import type { Answer, Call } from "./http-client.js";

const RESOURCES = ["contacts", "deals", "invoices", "tasks"] as const;
const USERS = ["ada", "ben", "chloe", "dev", "elif"] as const;

/**
 * The users of one tenant at work: they mostly read, and now and then add something, send an e-mail, and delete again
 * what they have added.
 */
export interface TenantTraffic {
  next(): Call;
  /** Learns from the answer to a call. */
  observe(call: Call, answer: Answer): void;
}

type Action = Omit<Call, "headers"> & { readonly headers?: Call["headers"] };

/** How many a tenant adds before it deletes one, so that no table grows: more than the free plan has room for. */
const MAX_ADDED = { "/contacts": 8, "/deals": 5, "/tasks": 1 } as const;
type Path = keyof typeof MAX_ADDED;
const MAX_EMAILS = 100;
/** How long a client remembers that it wrote. */
const TOKEN_REQUESTS = 10;

/** How often each action comes, in requests of a hundred. */
const SHARES = [
  [34, "list"],
  [6, "further"],
  [5, "dashboard"],
  [18, "get"],
  [8, "search"],
  [1, "export"],
  [3, "email"],
  [6, "/contacts"],
  [4, "/deals"],
  [15, "/tasks"],
] as const;

export function createTenantTraffic(tenantId: string, random: () => number): TenantTraffic {
  let contactId: number | undefined;
  let emails = 0;
  /** Where the list goes on that was shown last. */
  let nextPage: string | undefined;
  let token: { readonly value: string; readonly until: number } | undefined;
  let sent = 0;
  const added: Record<Path, number[]> = { "/contacts": [], "/deals": [], "/tasks": [] };
  const pick = <T>(list: readonly [T, ...T[]]): T => list[Math.floor(random() * list.length)] ?? list[0];

  function bodyFor(path: Path): object {
    if (path === "/tasks") return { contactId, title: "Call back", dueOn: "2026-06-01" };
    if (path === "/deals") return { contactId, title: "Trial", stage: "open", amountCents: 9900 };
    return { name: "New contact", email: `new@${tenantId}.example` };
  }

  function addOrDelete(path: Path): Action {
    const ids = added[path];
    const [first] = ids;
    const adds = ids.length < MAX_ADDED[path] && random() < 0.8;
    return first === undefined || adds
      ? { method: "POST", path, body: bodyFor(path) }
      : { method: "DELETE", path: `${path}/${first}` };
  }

  function task(): Action {
    const [first] = added["/tasks"];
    return first !== undefined && random() < 0.5
      ? { method: "PATCH", path: `/tasks/${first}`, body: { done: true } }
      : addOrDelete("/tasks");
  }

  function email(): Action {
    const headers = { "idempotency-key": randomUUID() };
    return { method: "POST", path: `/contacts/${contactId}/email`, body: { subject: "Hello", body: "…" }, headers };
  }

  /** As a browser does with the cookie, which goes after a while. */
  function tokenHeader(): Readonly<Record<string, string>> {
    sent += 1;
    return token !== undefined && sent <= token.until ? { "x-db-token": token.value } : {};
  }

  function nextAction(): Action {
    if (contactId === undefined) return { method: "GET", path: "/contacts" };
    const share = actionAt(random() * 100);
    if (share === "dashboard") return { method: "GET", path: "/api/dashboard" };
    if (share === "search") return { method: "GET", path: `/contacts/search?q=${pick(["a", "be", "chl", "chloe"])}` };
    if (share === "export") return { method: "GET", path: "/contacts/export" };
    if (share === "email" && emails < MAX_EMAILS) return email();
    if (share === "/tasks") return task();
    if (share === "/contacts" || share === "/deals") return addOrDelete(share);
    if (share === "further" && nextPage !== undefined) return { method: "GET", path: nextPage };
    return share === "list" || share === "further"
      ? { method: "GET", path: `/${pick(RESOURCES)}?limit=20` }
      : { method: "GET", path: `/contacts/${contactId}` };
  }

  return {
    next() {
      const { headers, ...rest } = nextAction();
      return { ...rest, headers: { "x-tenant-id": tenantId, "x-user-id": pick(USERS), ...tokenHeader(), ...headers } };
    },
    observe({ method, path }, { status, body, token: value }) {
      if (value !== undefined) token = { value, until: sent + TOKEN_REQUESTS };
      if (method === "GET" && status === 200) nextPage = nextPageOf(path, body) ?? nextPage;
      if (method === "GET" && path === "/contacts" && status === 200) contactId = firstId(body);
      if (status === 202) emails += 1;
      if (isPath(path) && status === 201) added[path].push(idOf(body) ?? 0);
      if (method === "DELETE" && (status === 204 || status === 404)) {
        for (const [of, ids] of Object.entries(added)) {
          const at = ids.findIndex((id) => path === `${of}/${id}`);
          if (at >= 0) ids.splice(at, 1);
        }
      }
    },
  };
}

/** The next page of a list. */
function nextPageOf(path: string, body: unknown): string | undefined {
  const { pageInfo } = (body ?? {}) as { pageInfo?: { hasNextPage: boolean; endCursor: string | null } };
  if (pageInfo?.hasNextPage !== true || pageInfo.endCursor === null) return undefined;
  return `${path.split("?")[0]}?limit=20&after=${encodeURIComponent(pageInfo.endCursor)}`;
}

/** @param point from 0 to 100 */
function actionAt(point: number): (typeof SHARES)[number][1] {
  let upTo = 0;
  return SHARES.find(([part]) => point < (upTo += part))?.[1] ?? "/tasks";
}

const isPath = (path: string): path is Path => Object.hasOwn(MAX_ADDED, path);

function firstId(list: unknown): number | undefined {
  const { items } = list as { items: readonly unknown[] };
  return idOf(items[0]);
}

const idOf = (row: unknown): number | undefined => (row as { id: number } | undefined)?.id;
