import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { ServerError } from "../server-error.js";
import { sleep } from "../wait.js";
import { telling } from "./explain.js";
import { guardProcess, type LastSignal, releaseProcess } from "./watchdog.js";

const KEPT_OUTPUT = 65_536;
const STOP_TIMEOUT_MS = 5_000;

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface DaemonOptions {
  args?: readonly string[];
  /** A pattern in the program's output, or a probe that answers true once the program serves. */
  ready: RegExp | (() => Promise<boolean>);
  /** Until it is ready. @default 15000 */
  timeoutMs?: number;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
  /** Signal that the program gets when this process dies. SIGQUIT is followed by SIGKILL after a second. @default "SIGKILL" */
  last?: LastSignal;
}

/** A program that runs beside this process and never outlives it. It does not keep this process alive either. */
export interface Daemon {
  readonly pid: number;
  /** Resolves when the program has ended, for whatever reason. */
  readonly exited: Promise<Exit>;
  /** The last 64 kB that the program printed. */
  output(): string;
  /** Signals the program and its process group; does nothing once it has ended. */
  signal(signal: NodeJS.Signals): void;
  /** Ends the program and waits, also when it is frozen; SIGKILL follows after five seconds. @default "SIGTERM" */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;
type Watched = Pick<DaemonOptions, "ready" | "timeoutMs"> & { program: string };

/**
 * Starts a program and resolves when it is ready.
 * It leads a process group of its own: Ctrl-C in the terminal does not reach it, so that it is there until `stop`.
 * @throws {ServerError} when it cannot be started, ends before it is ready, or is not ready in time; `detail` is its output
 */
export async function startDaemon(program: string, options: DaemonOptions): Promise<Daemon> {
  const { args = [], ready, timeoutMs = 15_000, last = "SIGKILL", ...place } = options;
  const child = spawn(program, args, { ...place, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const { pid } = child;
  if (pid === undefined) {
    const [cause] = (await once(child, "error").catch((error: unknown) => [error])) as [Error];
    throw new ServerError(`${program} cannot be started: ${cause.message}`, { cause });
  }
  guardProcess(pid, last);
  child.once("exit", () => releaseProcess(pid, last));
  const daemon = control(child, pid);
  try {
    await becomeReady(child, daemon, { program, ready, timeoutMs });
  } catch (error) {
    await daemon.stop("SIGKILL");
    throw error;
  }
  hold(child, "unref");
  return daemon;
}

function control(child: Child, pid: number): Daemon {
  let output = "";
  const read = (chunk: string): void => {
    output = (output + chunk).slice(-KEPT_OUTPUT);
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", read);
  let alive = true;
  const exited = new Promise<Exit>((resolve) => {
    child.once("exit", (code, signal) => {
      alive = false;
      resolve({ code, signal });
    });
  });
  const signal = (name: NodeJS.Signals): void => {
    if (alive) signalGroup(child, pid, name);
  };
  async function stop(name: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (!alive) return;
    hold(child, "ref");
    signal(name);
    // A frozen program acts on a signal, other than SIGKILL, only when it runs again.
    signal("SIGCONT");
    const timer = setTimeout(() => signal("SIGKILL"), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }
  return { pid, exited, output: () => output, signal, stop };
}

function signalGroup(child: Child, pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch {
    child.kill(name); // A program that has left its group is signalled alone.
  }
}

async function becomeReady(child: Child, daemon: Daemon, options: Required<Watched>): Promise<void> {
  const { program, ready, timeoutMs } = options;
  const fail = (what: string): ServerError => new ServerError(`${program} ${what}`, { detail: daemon.output() });
  const closed = once(child, "close");
  const until = performance.now() + timeoutMs;
  for (;;) {
    if (ready instanceof RegExp ? ready.test(daemon.output()) : await ready().catch(() => false)) return;
    if (child.exitCode !== null || child.signalCode !== null) {
      // The end is known before the last of the output, which says why. A child of the program may hold the pipe open.
      await Promise.race([closed, sleep(200)]);
      const end = child.signalCode ?? `code ${child.exitCode}`;
      throw fail(`ended with ${end} before it was ready: ${telling(daemon.output())}`);
    }
    if (performance.now() >= until) throw fail(`was not ready within ${timeoutMs} ms`);
    await sleep(2);
  }
}

/** `unref` lets this process end while the program still runs; the watchdog then ends the program. */
function hold(child: Child, how: "ref" | "unref"): void {
  child[how]();
  for (const stream of [child.stdout, child.stderr]) (stream as Socket)[how]();
}
