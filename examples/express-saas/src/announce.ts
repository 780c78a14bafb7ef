import type { Components } from "./components.js";
import { seededTenants } from "./db/seed.js";

/** What somebody in front of the terminal needs to know. The last line is the address of the live page. */
export function announce({ database, counters }: Components, url: string): string {
  const tenant = seededTenants.find(({ plan }) => plan === "free")?.id ?? "";
  return [
    `Postgres  ${describeDatabase(database)}`,
    `Redis     ${describeCounters(counters)}`,
    `Try       curl -i ${url}/contacts -H "x-tenant-id: ${tenant}" -H "x-user-id: ann"`,
    "",
    `${url}/scale`,
  ].join("\n");
}

function describeDatabase({ server }: Components["database"]): string {
  return server === undefined ? "DATABASE_URL" : `embedded ${server.version}, ${server.url}`;
}

function describeCounters(counters: Components["counters"]): string {
  if (counters.is === "memory") return `none: limits are counted in memory (${counters.reason})`;
  const { server } = counters;
  if (server === undefined) return "REDIS_URL";
  return `embedded ${server.name} ${server.version}, ${server.url}, process ${server.pid}`;
}
