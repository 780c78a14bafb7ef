import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../process/daemon.js";
import { explainStart } from "../process/explain.js";
import { daemonSlot } from "../process/slot.js";
import { makeTempFolder, removeTempFolder } from "../process/watchdog.js";
import { requireRedis } from "./find.js";

const HOST = "127.0.0.1";
/** Files may hold a password: other accounts of the machine must not read them. */
const OWN = { mode: 0o600 };

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
  /** Output of the current or last process. */
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

export interface RedisPlan {
  /** Shown in errors and in the folder's name. */
  kind: string;
  port: number;
  password?: string;
  /** Written into the server's folder, which is its working folder, before the first start. */
  files?: Readonly<Record<string, string>>;
  args: readonly string[];
  ready: RegExp;
}

/** Runs one process of the Redis program, as a server or as a sentinel. */
export async function runRedis(plan: RedisPlan): Promise<RedisServer> {
  const { name, path, version } = requireRedis();
  const { kind, port, args, ready } = plan;
  const folder = makeTempFolder(kind);
  for (const [file, text] of Object.entries(plan.files ?? {})) writeFileSync(join(folder, file), text, OWN);
  const slot = daemonSlot(() =>
    startDaemon(path, { args, ready, cwd: folder }).catch((error: unknown) => {
      throw explainStart(error, { what: name, port, folder });
    }),
  );
  let stopped: Promise<void> | undefined;
  async function remove(): Promise<void> {
    await slot.running?.stop("SIGKILL");
    await removeTempFolder(folder);
  }
  await slot.start().catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  return {
    name,
    version,
    host: HOST,
    port,
    url: urlOf(plan),
    get pid() {
      return slot.running?.pid;
    },
    output: slot.output,
    pause: () => slot.running?.signal("SIGSTOP"),
    resume: () => slot.running?.signal("SIGCONT"),
    kill: async () => slot.running?.stop("SIGKILL"),
    restart: async () => {
      await slot.running?.stop();
      await slot.start();
    },
    stop: () => (stopped ??= remove()),
  };
}

function urlOf({ port, password }: RedisPlan): string {
  const user = password === undefined ? "" : `:${encodeURIComponent(password)}@`;
  return `redis://${user}${HOST}:${port}`;
}
