import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../process/daemon.js";
import { explainStart } from "../process/explain.js";
import { childrenOf, isAlive } from "../process/liveness.js";
import { type DaemonSlot, daemonSlot } from "../process/slot.js";
import { guardProcess, releaseProcess } from "../process/watchdog.js";
import { waitUntil } from "../wait.js";
import type { Surroundings } from "./account.js";
import { query } from "./connect.js";

/** The processes of one Postgres server, from start to end, over any number of restarts. */
export interface PostgresServer {
  readonly pid: number | undefined;
  output(): string;
  start(): Promise<void>;
  /** An orderly end, with "SIGINT"; "SIGQUIT" leaves the data as a crash would, at once. */
  end(signal: "SIGINT" | "SIGQUIT"): Promise<void>;
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
}

export interface PostgresServerPlan {
  bin: string;
  data: string;
  port: number;
  url: string;
  around: Surroundings;
}

export function postgresServer({ bin, data, port, url, around }: PostgresServerPlan): PostgresServer {
  const slot = daemonSlot(() =>
    startDaemon(join(bin, "postgres"), {
      ...around,
      cwd: data,
      args: ["-D", data],
      last: "SIGQUIT",
      ready: /ready to accept (?:read.only )?connections/,
    }).catch((error: unknown) => {
      throw explainStart(error, { what: "postgres", port, folder: data });
    }),
  );
  const { pause, resume, kill } = crashControls(slot);
  return {
    get pid() {
      return slot.running?.pid;
    },
    output: slot.output,
    start: async () => {
      await slot.start();
      await waitUntil(async () => (await query(url, "SELECT 1")).length === 1, {
        what: `postgres at port ${port} answers`,
      });
    },
    end: async (signal) => {
      resume();
      await slot.running?.stop(signal);
    },
    kill: async () => {
      await kill();
      dropSharedMemory(data);
    },
    pause,
    resume,
  };
}

/** The backends have sessions of their own, so that no signal to the server's group reaches them. */
function crashControls(slot: DaemonSlot): Pick<PostgresServer, "pause" | "resume" | "kill"> {
  let frozen: number[] = [];
  function thaw(): void {
    signalAll(frozen, "SIGCONT");
    for (const pid of frozen) releaseProcess(pid, "SIGQUIT");
    frozen = [];
  }
  return {
    pause: () => {
      if (!slot.running) return;
      slot.running.signal("SIGSTOP"); // First: from now on it makes no backend that we would not see.
      frozen = childrenOf(slot.running.pid);
      for (const pid of frozen) guardProcess(pid, "SIGQUIT");
      signalAll(frozen, "SIGSTOP");
    },
    resume: () => {
      thaw();
      slot.running?.signal("SIGCONT");
    },
    kill: async () => {
      if (!slot.running) return;
      slot.running.signal("SIGSTOP");
      const backends = childrenOf(slot.running.pid);
      await slot.running.stop("SIGKILL");
      signalAll(backends, "SIGKILL");
      thaw();
      await waitUntil(() => !backends.some(isAlive), { what: "the end of the backends", everyMs: 1 });
    },
  };
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) if (isAlive(pid)) process.kill(pid, signal);
}

/** A few bytes by which Postgres knows that a data folder is in use. A killed server leaves them, and systems have few. */
function dropSharedMemory(data: string): void {
  let lock: string;
  try {
    lock = readFileSync(join(data, "postmaster.pid"), "utf8");
  } catch {
    return;
  }
  const id = lock.split("\n")[6]?.trim().split(/\s+/)[1];
  if (id !== undefined) spawnSync("ipcrm", ["-m", id], { stdio: "ignore" });
}
