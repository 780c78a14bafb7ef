import { randomUUID } from "node:crypto";
import type { Answer, Call } from "./http-client.js";

const RESOURCES = ["contacts", "deals", "invoices", "tasks"] as const;
const USERS = ["ada", "ben", "chloe", "dev", "elif"] as const;

/**
 * Simulates the users of one tenant: mostly reads, and now and then they add something, send an e-mail, or delete what
 * they added.
 */
export interface TenantTraffic {
  next(): Call;
  /** Records the response to a call, which later calls depend on. */
  observe(call: Call, answer: Answer): void;
}

type Action = Omit<Call, "headers"> & { readonly headers?: Call["headers"] };

/** Rows a tenant adds before it deletes one, so that no table grows. More than the free plan has room for. */
const MAX_ADDED = { "/contacts": 8, "/deals": 5, "/tasks": 1 } as const;
type Path = keyof typeof MAX_ADDED;
const MAX_EMAILS = 100;
/** Requests for which a client keeps its session token. */
const TOKEN_REQUESTS = 10;

/** Share of each action, in percent of the requests. */
const SHARES = [
  [34, "list"],
  [6, "next-page"],
  [5, "dashboard"],
  [18, "get"],
  [8, "search"],
  [1, "export"],
  [3, "email"],
  [6, "/contacts"],
  [4, "/deals"],
  [5, "rates"],
  [10, "/tasks"],
] as const;

export function createTenantTraffic(tenantId: string, random: () => number): TenantTraffic {
  let contactId: number | undefined;
  let emails = 0;
  /** Path of the next page of the last list. */
  let nextPage: string | undefined;
  const pick = <T>(list: readonly [T, ...T[]]): T => list[Math.floor(random() * list.length)] ?? list[0];
  const writes = createWrites(tenantId, random);
  const session = createSession();

  function nextAction(): Action {
    if (contactId === undefined) return { method: "GET", path: "/contacts" };
    const action = actionAt(random() * 100);
    if (action === "dashboard") return { method: "GET", path: "/api/dashboard" };
    if (action === "rates") return { method: "GET", path: "/api/rates" };
    if (action === "search") return { method: "GET", path: `/contacts/search?q=${pick(["a", "be", "chl", "chloe"])}` };
    if (action === "export") return { method: "GET", path: "/contacts/export" };
    if (action === "email" && emails < MAX_EMAILS) return email(contactId);
    if (isPath(action)) return writes.next(action, contactId);
    if (action === "next-page" && nextPage !== undefined) return { method: "GET", path: nextPage };
    return action === "list" || action === "next-page"
      ? { method: "GET", path: `/${pick(RESOURCES)}?limit=20` }
      : { method: "GET", path: `/contacts/${contactId}` };
  }

  return {
    next() {
      const { headers, ...rest } = nextAction();
      return {
        ...rest,
        headers: { "x-tenant-id": tenantId, "x-user-id": pick(USERS), ...session.header(), ...headers },
      };
    },
    observe(call, answer) {
      const { method, path } = call;
      const { status, body, token } = answer;
      session.update(token);
      if (method === "GET" && status === 200) nextPage = nextPageOf(path, body) ?? nextPage;
      if (method === "GET" && path === "/contacts" && status === 200) contactId = firstId(body);
      if (status === 202) emails += 1;
      writes.observe(call, answer);
    },
  };
}

/** Adds rows and deletes them again, so that no table grows. */
function createWrites(tenantId: string, random: () => number) {
  const added: Record<Path, number[]> = { "/contacts": [], "/deals": [], "/tasks": [] };

  function bodyFor(path: Path, contactId: number): object {
    if (path === "/tasks") return { contactId, title: "Call back", dueOn: "2026-06-01" };
    if (path === "/deals") return { contactId, title: "Trial", stage: "open", amountCents: 9900 };
    return { name: "New contact", email: `new@${tenantId}.example` };
  }

  return {
    next(path: Path, contactId: number): Action {
      const ids = added[path];
      const [first] = ids;
      if (path === "/tasks" && first !== undefined && random() < 0.5) {
        return { method: "PATCH", path: `/tasks/${first}`, body: { done: true } };
      }
      const adds = ids.length < MAX_ADDED[path] && random() < 0.8;
      return first === undefined || adds
        ? { method: "POST", path, body: bodyFor(path, contactId) }
        : { method: "DELETE", path: `${path}/${first}` };
    },
    observe({ method, path }: Call, { status, body }: Answer): void {
      if (isPath(path) && status === 201) added[path].push(idOf(body) ?? 0);
      if (method !== "DELETE" || (status !== 204 && status !== 404)) return;
      for (const [table, ids] of Object.entries(added)) {
        const index = ids.findIndex((id) => path === `${table}/${id}`);
        if (index >= 0) ids.splice(index, 1);
      }
    },
  };
}

/** Sends the session token with the next requests, like the cookie of a browser that expires. */
function createSession() {
  let token: { readonly value: string; readonly until: number } | undefined;
  let sent = 0;
  return {
    header(): Readonly<Record<string, string>> {
      sent += 1;
      return token !== undefined && sent <= token.until ? { "x-db-token": token.value } : {};
    },
    update(value: string | undefined): void {
      if (value !== undefined) token = { value, until: sent + TOKEN_REQUESTS };
    },
  };
}

function email(contactId: number): Action {
  const headers = { "idempotency-key": randomUUID() };
  return { method: "POST", path: `/contacts/${contactId}/email`, body: { subject: "Hello", body: "…" }, headers };
}

/** Returns the path of the next page, or `undefined` on the last one. */
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
