import { setTimeout as sleep } from "node:timers/promises";
import type { Client, Reply } from "./client.js";

/** The gain of an attack, which must be none. */
export interface Gain {
  /** Answers beyond a limit. */
  readonly passed?: number;
  /** Answers with data that its sender has no right to. */
  readonly leaked?: number;
  /** How much was tried. */
  readonly tried: number;
}

export interface Attack {
  readonly name: string;
  run(client: Client, until: () => boolean): Promise<Gain>;
}

const TENANT = "delta-motors";
const PER_SECOND = 3;
const BURST = 6;

const as = (tenantId: string, more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  "x-tenant-id": tenantId,
  ...more,
});

/** Sends the calls in groups until the time is over. */
async function inGroups(
  size: number,
  until: () => boolean,
  call: (n: number) => Promise<Reply>,
): Promise<readonly Reply[]> {
  const replies: Reply[] = [];
  for (let n = 0; !until(); n += size) {
    replies.push(...(await Promise.all(Array.from({ length: size }, (_, i) => call(n + i)))));
  }
  return replies;
}

const isServed = ({ status }: Reply): boolean => status >= 200 && status < 300;

/** 600 refused requests a minute are looked at; the rest ends before a look-up. */
const madeUpTenants: Attack = {
  name: "made-up tenants",
  async run(client, until) {
    const from = performance.now();
    const replies = await inGroups(8, until, async (n) => {
      await sleep(20);
      return client.ask({ path: "/contacts?limit=1", headers: as(`made-up-${n}`) });
    });
    const admitted = 600 + Math.ceil((performance.now() - from) / 100);
    const lookedUp = replies.filter(({ status }) => status === 403).length;
    return {
      tried: replies.length,
      passed: Math.max(0, lookedUp - admitted),
      leaked: replies.filter(isServed).length,
    };
  },
};

const overTheRate: Attack = {
  name: "requests above the rate of the plan",
  async run(client, until) {
    const from = performance.now();
    const replies = await inGroups(8, until, async (n) => {
      await sleep(40);
      const headers = as(TENANT, { "x-user-id": `user-${n}`, "x-forwarded-for": `10.0.0.${n % 250}` });
      return client.ask({ path: "/tasks?limit=1", headers });
    });
    const seconds = (performance.now() - from) / 1000;
    const admitted = replies.filter(isServed).length;
    return { tried: replies.length, passed: Math.max(0, admitted - BURST - Math.ceil(PER_SECOND * seconds)) };
  },
};

const oneKeyManyMails: Attack = {
  name: "one idempotency key for many e-mails",
  async run(client, until) {
    const tenant = "iris-labs";
    const sent: Reply[] = [];
    for (let n = 0; n < 2 || (n < 10 && !until()); n++) {
      const contact = { name: "Zoe", email: "zoe@iris.example" };
      const added = await client.ask({ method: "POST", path: "/contacts", headers: as(tenant), body: contact });
      const id = /"id":(\d+)/.exec(added.text)?.[1] ?? "0";
      sent.push(
        await client.ask({
          ...{ method: "POST", path: `/contacts/${id}/email`, headers: as(tenant, { "idempotency-key": "k" }) },
          body: { subject: "Hello", body: `Text ${n}` },
        }),
      );
      await client.ask({ method: "DELETE", path: `/contacts/${id}`, headers: as(tenant) });
      await sleep(1100);
    }
    return { tried: sent.length, passed: Math.max(0, sent.filter(isServed).length - 1) };
  },
};

/** Requests that name two tenants in two ways, or one in an odd way. */
const twoTenants: Attack = {
  name: "two tenants in one request",
  async run(client, until) {
    const lines = [
      "GET /contacts?limit=1 HTTP/1.1\r\nHost: localhost\r\nx-tenant-id: amber-labs\r\nx-tenant-id: fjord-labs",
      "GET /contacts?limit=1 HTTP/1.1\r\nHost: localhost\r\nx-tenant-id: amber-labs, fjord-labs",
      "GET http://localhost/t/../contacts?limit=1 HTTP/1.1\r\nHost: localhost\r\nx-tenant-id: AMBER-LABS",
      "GET /contacts?limit=1 HTTP/1.1\r\nHost: localhost\r\nx-tenant-id: amber%20labs",
      "GET /contacts?limit=1 HTTP/1.1\r\nHost: localhost\r\nx-tenant-id:",
      "GET /contacts?limit=1&x-tenant-id=amber-labs HTTP/1.1\r\nHost: localhost\r\ncookie: x-tenant-id=amber-labs",
    ];
    let [tried, leaked] = [0, 0];
    while (!until()) {
      for (const bytes of lines) {
        tried++;
        if (isServed(await client.raw(`${bytes}\r\nConnection: close\r\n\r\n`))) leaked++;
        await sleep(100);
      }
    }
    return { tried, leaked };
  },
};

const otherHosts: Attack = {
  name: "other hosts",
  async run(client) {
    const paths = ["/", "/scale", "/scale/data", "/contacts", "/livez", "/api/admin/database"];
    const replies = await Promise.all(
      paths.map((path) => client.ask({ path, headers: as("amber-labs", { host: "evil.example" }) })),
    );
    return { tried: replies.length, leaked: replies.filter(({ status }) => status !== 421 && status !== 0).length };
  },
};

const adminWithoutToken: Attack = {
  name: "admin routes without the token",
  async run(client) {
    const paths = [
      ...["/scale/data", "/scale/tenants/amber-labs", "/scale/search?q=a", "/scale/events"],
      ...["/api/admin/quotas/amber-labs", "/api/admin/database", "/api/admin/cache/amber-labs", "/api/metrics"],
      ...["/api/degradation/circuits", "/api/degradation/flags"],
    ];
    const tokens = ["", "Bearer ", "Bearer null", "Basic YWRtaW46YWRtaW4="];
    const calls = paths.flatMap((path) => tokens.map((authorization) => ({ path, headers: { authorization } })));
    const replies = await Promise.all(calls.map((call) => client.ask(call)));
    return { tried: replies.length, leaked: replies.filter(isServed).length };
  },
};

/** Cursors, tokens and cookies of others, and changed ones. */
const forgedState: Attack = {
  name: "forged cursors, tokens and cookies",
  async run(client, until) {
    const first = await client.ask({ path: "/contacts?limit=1", headers: as("amber-labs") });
    const cursor = /"endCursor":"([^"]+)"/.exec(first.text)?.[1] ?? "";
    const turned = cursor.split(".").toReversed().join(".");
    const tries = [
      { path: `/contacts?limit=1&after=${cursor}`, headers: as("fjord-labs") },
      { path: `/deals?limit=1&after=${cursor}`, headers: as("amber-labs") },
      { path: `/contacts?limit=1&after=${turned}`, headers: as("amber-labs") },
      { path: `/contacts?limit=1&after=${cursor}x`, headers: as("amber-labs") },
    ];
    let [tried, leaked] = [0, 0];
    while (!until()) {
      for (const one of tries) {
        tried++;
        if (isServed(await client.ask(one))) leaked++;
        const junk = { "x-db-token": cursor, cookie: `scale_db=${turned}` };
        const reply = await client.ask({ path: "/contacts?limit=1", headers: as("fjord-works", junk) });
        if (reply.text.includes('"tenantId":"') && !reply.text.includes('"tenantId":"fjord-works"')) leaked++;
        await sleep(120);
      }
    }
    return { tried, leaked };
  },
};

/** Exports that are begun and left. */
const hangUps: Attack = {
  name: "exports that are left at once",
  async run(client, until) {
    const replies = await inGroups(4, until, async () => {
      await sleep(300);
      return client.raw(
        "GET /contacts/export?pause=1 HTTP/1.1\r\nHost: localhost\r\nx-tenant-id: birch-labs\r\nConnection: close\r\n\r\n",
      );
    });
    return { tried: replies.length };
  },
};

export const ATTACKS: readonly Attack[] = [
  ...[madeUpTenants, overTheRate, oneKeyManyMails, twoTenants, otherHosts, adminWithoutToken, forgedState, hangUps],
];
