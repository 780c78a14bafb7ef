import type { Components } from "./components.js";
import { seededTenants } from "./db/seed.js";
import type { Example } from "./index.js";

/** The text printed after the start: servers, sample commands and, on the last line, the address of the live page. */
export function startupMessage({ components, adminToken }: Example, url: string): string {
  const { database, limitStore } = components;
  const tenant = seededTenants.find(({ plan }) => plan === "free")?.id ?? "";
  return [
    `Postgres  ${describeDatabase(database)}`,
    ...describeReplicas(database),
    `Redis     ${describeLimitStore(limitStore)}`,
    `Try       curl -i ${url}/contacts -H "x-tenant-id: ${tenant}" -H "x-user-id: ann"`,
    `          curl ${url}/api/admin/quotas/${tenant} -H "authorization: Bearer ${adminToken}"`,
    "",
    // The page turns the token into a session.
    `${url}/scale?token=${adminToken}`,
  ].join("\n");
}

function describeDatabase({ server }: Components["database"]): string {
  return server === undefined ? "DATABASE_URL" : `embedded ${server.version}, ${server.url}`;
}

/** Includes the process ids, so that a reader can stop or freeze a replica. */
function describeReplicas({ server }: Components["database"]): string[] {
  const replicas = server?.replicas ?? [];
  return replicas.map(({ url, pid }, i) => `${i === 0 ? "Replicas" : "        "}  ${url}, process ${pid}`);
}

function describeLimitStore(store: Components["limitStore"]): string {
  if (store.is === "memory") return `none: limits are counted in memory (${store.reason})`;
  const { server } = store;
  if (server === undefined) return "REDIS_URL";
  return `embedded ${server.name} ${server.version}, ${server.url}, process ${server.pid}`;
}
