import { fileURLToPath } from "node:url";
import { startDaemon } from "@scale/testkit";

export interface Hero {
  readonly url: string;
  /** Decisions so far, by the part that made them. */
  decisions(): Promise<{ store: number; local: number }>;
  stop(): Promise<void>;
}

/** Starts the example as its users do, in a process of its own, on the given servers and without its own traffic. */
export async function startHero(servers: { databaseUrl: string; redisUrl: string }): Promise<Hero> {
  const main = fileURLToPath(new URL("main.js", import.meta.resolve("example-express-saas")));
  const address = /(http:\/\/\S+)\/scale$/m;
  const hero = await startDaemon(process.execPath, {
    args: [main],
    ready: address,
    env: {
      ...process.env,
      PORT: "0",
      SCALE_TRAFFIC: "off",
      DATABASE_URL: servers.databaseUrl,
      REDIS_URL: servers.redisUrl,
    },
    last: "SIGKILL",
  });
  const url = (address.exec(hero.output())?.[1] ?? "").replace("localhost", "127.0.0.1");
  return {
    url,
    decisions: () => readDecisions(url),
    stop: () => hero.stop(),
  };
}

interface DecidedBy {
  readonly by: string;
  readonly decisions: { readonly total: number };
}

async function readDecisions(url: string): Promise<{ store: number; local: number }> {
  const response = await fetch(`${url}/scale/data`);
  const { decidedBy } = (await response.json()) as { decidedBy: readonly DecidedBy[] };
  const total = (by: string): number => decidedBy.find((row) => row.by === by)?.decisions.total ?? 0;
  return { store: total("store"), local: total("local") };
}
