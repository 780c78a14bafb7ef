import { withFreePort } from "../process/with-free-port.js";
import { type RedisServer, runRedis } from "./run.js";

export interface RedisOptions {
  /** @default a free one */
  port?: number;
  /** Keeps every acknowledged write through `kill`, by an append-only file that is flushed on each write. @default false */
  aof?: boolean;
  requirepass?: string;
  /** More arguments of `redis-server`, after ours: a later setting wins. */
  args?: readonly string[];
}

/**
 * Starts a Redis or Valkey server on loopback that never outlives this process.
 * @throws {ServerError} with one line that says what is missing
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const { port, aof = false, requirepass, args = [] } = options;
  const run = (port: number): Promise<RedisServer> =>
    runRedis({
      kind: "redis",
      port,
      ...(requirepass === undefined ? {} : { password: requirepass }),
      args: [
        ...["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", aof ? "yes" : "no"],
        ...["--appendfsync", "always"],
        ...(requirepass === undefined ? [] : ["--requirepass", requirepass]),
        ...args,
      ],
      ready: /Ready to accept connections/,
    });
  return port === undefined ? withFreePort(run) : run(port);
}
