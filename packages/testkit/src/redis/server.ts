import { withFreePort } from "../process/with-free-port.js";
import { runRedis } from "./run.js";

export interface RedisOptions {
  /** @default a free one */
  port?: number;
  /** Keeps every acknowledged write through `kill`, by an append-only file that is flushed on each write. @default false */
  aof?: boolean;
  requirepass?: string;
  /** More arguments of `redis-server`, after ours: a later setting wins. */
  args?: readonly string[];
}

export interface RedisServer {
  readonly name: "redis" | "valkey";
  /** Valkey's own; its `INFO` reports another as `redis_version`. */
  readonly version: string;
  readonly host: string;
  readonly port: number;
  /** With the password, when there is one. */
  readonly url: string;
  /** `undefined` while the server is down. */
  readonly pid: number | undefined;
  /** What the current or last process printed. */
  output(): string;
  /** Freezes the process (SIGSTOP): connections stay open, and new ones are accepted by the kernel, without an answer. */
  pause(): void;
  resume(): void;
  /** SIGKILL. Port and data folder stay, for `restart`. */
  kill(): Promise<void>;
  /** Starts again on the same port and data folder, after an orderly end if it runs. Without `aof` it comes back empty. */
  restart(): Promise<void>;
  /** Ends the server and removes its data. May be called twice. */
  stop(): Promise<void>;
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
