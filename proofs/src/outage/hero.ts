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
  const address = /(http:\/\/\S+)\/scale\?token=(\w+)$/m;
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
  const [, printed = "", token = ""] = address.exec(hero.output()) ?? [];
  const url = printed.replace("localhost", "127.0.0.1");
  return {
    url,
    decisions: () => readDecisions(url, token),
    stop: () => hero.stop(),
  };
}

async function readDecisions(url: string, token: string): Promise<{ store: number; local: number }> {
  const response = await fetch(`${url}/api/metrics`, { headers: { authorization: `Bearer ${token}` } });
  const lines = (await response.text()).split("\n");
  const isDecision = (line: string, by: string): boolean =>
    ["scale_rate_limit_decisions_total{", 'limiter="api"', `decided_by="${by}"`].every((part) => line.includes(part));
  const total = (by: string): number =>
    lines
      .filter((line) => isDecision(line, by))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf("} ") + 2)), 0);
  return { store: total("store"), local: total("local") };
}
