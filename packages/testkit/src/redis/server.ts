import { randomBytes } from "node:crypto";
import { withFreePort } from "../process/with-free-port.js";
import { type RedisServer, runRedis } from "./run.js";

const CONF = "redis.conf";

export interface RedisOptions {
  /** @default a free one */
  port?: number;
  /** Keeps every acknowledged write through `kill`, by an append-only file that is flushed on each write. @default false */
  aof?: boolean;
  /**
   * Password of the server; `""` for none, as replicas and sentinels that are given no password need.
   * @default a random one: every account of the machine reaches loopback
   */
  requirepass?: string;
  /** More arguments of `redis-server`, after ours: a later setting wins. */
  args?: readonly string[];
}

/**
 * Starts a Redis or Valkey server on loopback that never outlives this process.
 * @throws {ServerError} with one line that says what is missing
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const { port, aof = false, requirepass = randomBytes(24).toString("base64url"), args = [] } = options;
  const hasPassword = requirepass !== "";
  const run = (port: number): Promise<RedisServer> =>
    runRedis({
      kind: "redis",
      port,
      // In a file, because the arguments of a process are visible to every account.
      ...(hasPassword && { password: requirepass, files: { [CONF]: `requirepass ${quoted(requirepass)}\n` } }),
      args: [
        ...(hasPassword ? [`./${CONF}`] : []),
        ...["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", aof ? "yes" : "no"],
        ...["--appendfsync", "always"],
        ...args,
      ],
      ready: /Ready to accept connections/,
    });
  return port === undefined ? withFreePort(run) : run(port);
}

/** As redis.conf reads a value with special characters. */
const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
