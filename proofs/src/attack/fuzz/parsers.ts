import { createRequire } from "node:module";
import { readDeadline } from "@scale/breaker";
import { createCache } from "@scale/cache";
import type { CacheStore, StoredEntry } from "@scale/cache/store";
import { createRouter } from "@scale/db-router";
import { dbSessionHeaders } from "@scale/db-router/http";
import { pgNode } from "@scale/db-router/pg";
import { clientIp, fromClaim, fromHeader, fromPath, fromSubdomain, type HttpFacts, tenantGuard } from "@scale/http";
import { createHub, memoryHub } from "@scale/realtime";

/** A parser of bytes from outside. It returns or throws an error of its own; anything else is a crash. */
export interface Parser {
  readonly name: string;
  /** Inputs that it accepts, to be changed. */
  readonly valid: readonly string[];
  parse(text: string): unknown;
}

export interface Parsers {
  readonly list: readonly Parser[];
  close(): Promise<void>;
}

function facts({ url = "/", headers = {} }: { url?: string; headers?: Readonly<Record<string, string>> }): HttpFacts {
  return { method: "GET", url, remoteAddress: "10.0.0.1", header: (name) => headers[name.toLowerCase()], raw: {} };
}

const header = (name: string, text: string): HttpFacts => facts({ headers: { [name]: text } });

const TENANT = { tenantId: "acme" };
const SECRET = "the secret of the fuzz, long enough for a key";

/** Every parser that the packages have for headers, cookies, tokens, cursors, paths, entries and messages. */
export async function openParsers(): Promise<Parsers> {
  const { router, token } = await openRouter();
  const envelope = await openEnvelopes();
  const hub = createHub({ store: memoryHub(), topics: { "news.{id}": { authorize: () => true } } });
  return {
    list: [
      ...addressParsers(),
      ...tenantParsers(),
      ...sessionParsers(router, token),
      cursorParser(),
      envelope.parser,
      {
        name: "last-event-id",
        valid: ["0123456789abcdef0123456789abcdef.1024", "0123456789abcdef0123456789abcdef-1024"],
        async parse(lastEventId) {
          const principal = TENANT;
          const connection = await hub.connect({ principal, topics: ["news.1"], lastEventId });
          if (connection.admitted) connection.leave();
        },
      },
      {
        name: "topic name",
        valid: ["news.1", "news.abc"],
        async parse(topic) {
          const connection = await hub.connect({ principal: TENANT, topics: [topic] });
          if (connection.admitted) connection.leave();
        },
      },
    ],
    async close() {
      hub.close();
      await envelope.close();
      await router.close();
    },
  };
}

function addressParsers(): readonly Parser[] {
  const forwarded = clientIp({ trust: { hops: 4 }, header: "forwarded" });
  const chain = clientIp({ trust: { hops: 4 } });
  const single = clientIp({ trust: { proxies: ["10.0.0.0/8"] }, header: "x-real-ip" });
  return [
    {
      name: "Forwarded",
      valid: ['for=192.0.2.60;proto=http;by=203.0.113.43, for="[2001:db8::1]:4711"', "For=unknown, for=_x"],
      parse: (text) => forwarded(header("forwarded", text)),
    },
    {
      name: "X-Forwarded-For",
      valid: ["203.0.113.7, 10.0.0.2", "[2001:db8::1]:80, ::ffff:1.2.3.4"],
      parse: (text) => chain(header("x-forwarded-for", text)),
    },
    { name: "X-Real-IP", valid: ["203.0.113.7", "fe80::1%eth0"], parse: (text) => single(header("x-real-ip", text)) },
    {
      name: "x-request-timeout-ms",
      valid: ["1500", "0"],
      parse: (text) => readDeadline({ "x-request-timeout-ms": text }, { maxMs: 10_000 }),
    },
  ];
}

function tenantParsers(): readonly Parser[] {
  const guards = {
    path: tenantGuard({ resolve: fromPath({ prefix: "/t" }) }),
    host: tenantGuard({ resolve: fromSubdomain({ domain: "example.com" }) }),
    header: tenantGuard({ resolve: fromHeader("x-tenant-id") }),
    claim: tenantGuard({ resolve: fromClaim({ verify: (text) => JSON.parse(text) as object, claim: "tenant" }) }),
  };
  return [
    {
      name: "tenant in the path",
      valid: ["/t/acme/orders?x=1", "/t/a%20b#x"],
      parse: (url) => guards.path(facts({ url: url.startsWith("/") ? url : `/${url}` })),
    },
    {
      name: "tenant in the host",
      valid: ["acme.example.com", "acme.example.com:8080", "ACME.EXAMPLE.COM."],
      parse: (text) => guards.host(header("host", text)),
    },
    { name: "tenant in a header", valid: ["acme"], parse: (text) => guards.header(header("x-tenant-id", text)) },
    {
      name: "bearer token",
      valid: ['Bearer {"tenant":"acme"}', "bearer x.y.z"],
      parse: (text) => guards.claim(header("authorization", text)),
    },
  ];
}

/** The router reaches no server: only its tokens are of interest. */
async function openRouter() {
  const node = pgNode({ name: "primary", role: "primary", connectionString: "postgres://x@127.0.0.1:1/x" });
  node.pool.on("error", () => undefined);
  const router = createRouter({ primary: node, readYourWrites: { secrets: [SECRET] } });
  return { router, token: "v1.MTcwMA.c2ln" };
}

function sessionParsers(router: ReturnType<typeof createRouter>, token: string): readonly Parser[] {
  const session = dbSessionHeaders();
  return [
    {
      name: "session cookie",
      valid: [`a=b; scale_db=${token}; c="d"`, `scale_db=${token}`],
      parse: (text) => session.begin(header("cookie", text)),
    },
    { name: "session token", valid: [token], parse: (text) => router.run({ token: text }, () => undefined) },
  ];
}

interface Pagination {
  readonly definePage: (options: object) => {
    parse(query: object, context: object): { cursorOf(position: readonly string[]): string };
  };
  readonly desc: (column: string) => unknown;
}

function cursorParser(): Parser {
  // A dependency of the example, not of the proofs.
  const require = createRequire(import.meta.resolve("example-express-saas"));
  const { definePage, desc } = require("@scale/pagination") as Pagination;
  const page = definePage({ list: "contacts", by: [desc("created_at"), desc("id")], secret: SECRET });
  const cursor = page.parse({}, TENANT).cursorOf(["2026-01-31 09:00:00", "7"]);
  return { name: "cursor", valid: [cursor, `${cursor}.x`], parse: (text) => page.parse({ after: text }, TENANT) };
}

/** Entries of the cache's store, which other versions and other programs may write. */
async function openEnvelopes() {
  let stored: StoredEntry | undefined;
  const store: CacheStore = {
    leaseMs: 1000,
    read: async () => (stored === undefined ? { is: "leased", token: "t", old: undefined } : { is: "value", stored }),
    readWithoutLease: async () => stored,
    claim: async () => ({ is: "leased", token: "t" }),
    fillIn: async (_lease, { text }) => {
      written ??= text;
      return true;
    },
    release: async () => undefined,
    renew: async () => true,
    invalidate: async () => undefined,
  };
  let written: string | undefined;
  const cache = createCache({ store });
  const row = cache.define({ name: "row", key: (id: string) => id, ttl: "1m", load: () => ({ a: [1, "x"] }) });
  await cache.tenant("acme").get(row, "a");
  await new Promise((resolve) => setImmediate(resolve));
  const parser: Parser = {
    name: "entry of the cache",
    valid: [written ?? ""],
    parse(text) {
      stored = { text, ageMs: 0, freshMs: 60_000, usableMs: 60_000, tags: [] };
      return cache.tenant("acme").getIfPresent(row, "a");
    },
  };
  return { parser, close: async () => cache.close() };
}
