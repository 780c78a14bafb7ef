import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { startDaemon, startPostgres, startRedis } from "@scale/testkit";

/** The example as its users start it, on servers with passwords, and what must never leave it. */
export interface Target {
  readonly url: string;
  readonly adminToken: string;
  /** Secrets that no answer may hold. */
  readonly secrets: readonly string[];
  /** Output since it serves. */
  log(): string;
  /** Events of the packages that held a secret. */
  leakingEvents(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

const EVENTS_PAGE = fileURLToPath(new URL("../../docs/reference/events.md", import.meta.url));

export async function startTarget(): Promise<Target> {
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres({ replicas: 1 })]);
  const folder = await mkdtemp(join(tmpdir(), "scale-attack-"));
  const passwords = [redis.url, postgres.url].map((url) => new URL(url).password);
  const secret = randomBytes(24).toString("base64url");
  const leaks = join(folder, "leaks");
  await writeFile(leaks, "");
  const tap = join(folder, "tap.mjs");
  await writeFile(tap, tapSource(await eventNames(), [...passwords, secret], leaks), { mode: 0o600 });
  const address = /(http:\/\/\S+)\/scale(?:\?\S*)?$/m;
  const main = fileURLToPath(new URL("main.js", import.meta.resolve("example-express-saas")));
  const daemon = await startDaemon(process.execPath, {
    args: ["--import", pathToFileURL(tap).href, main],
    ready: address,
    env: {
      ...process.env,
      ...{ PORT: "0", SCALE_TRAFFIC: "off", SCALE_SECRET: secret },
      DATABASE_URL: postgres.url,
      DATABASE_READ_URL: postgres.replicas[0]?.url ?? "",
      REDIS_URL: redis.url,
    },
    last: "SIGKILL",
  });
  const started = daemon.output();
  const adminToken = /authorization: Bearer (\w+)/.exec(started)?.[1] ?? "no token was printed";
  return {
    url: (address.exec(started)?.[1] ?? "").replace("localhost", "127.0.0.1"),
    adminToken,
    secrets: [...passwords, secret, adminToken],
    log: () => daemon.output().slice(started.length),
    leakingEvents: async () => (await readFile(leaks, "utf8")).split("\n").filter((text) => text !== ""),
    async stop() {
      await daemon.stop();
      await Promise.all([redis.stop(), postgres.stop(), rm(folder, { recursive: true })]);
    },
  };
}

/** Every event is on this page, which `check:references` sees to. */
async function eventNames(): Promise<readonly string[]> {
  return [...(await readFile(EVENTS_PAGE, "utf8")).matchAll(/^\| `(scale:[\w:-]+)`/gm)].map(([, name]) => name ?? "");
}

/** A module that is loaded before the example: it looks at every event that the packages publish. */
function tapSource(events: readonly string[], secrets: readonly string[], file: string): string {
  return `
import { subscribe } from "node:diagnostics_channel";
import { appendFileSync } from "node:fs";
import { inspect } from "node:util";
const secrets = ${JSON.stringify(secrets)};
for (const name of ${JSON.stringify(events)}) {
  subscribe(name, (event) => {
    const text = inspect(event, { depth: 8 });
    if (secrets.some((secret) => text.includes(secret))) appendFileSync(${JSON.stringify(file)}, name + "\\n");
  });
}
`;
}
