// Runs the programs of a task one after another, each as the leader of its own process group. A signal to this process,
// or the end of the npm that started it, is passed on once; what a program leaves running in its group is stopped.
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { textOf } from "../workspace.mjs";

const stopMs = 20_000;
const leftoverMs = 5_000;
/** @type {{ child?: import("node:child_process").ChildProcess, signal?: NodeJS.Signals, since: number, watching: boolean }} */
const state = { since: 0, watching: false };

const signalGroup = (group, signal) => {
  try {
    return process.kill(-group, signal);
  } catch {
    return false; // The group is empty.
  }
};

/** A dead process stays in its group until init collects it, which can take seconds: it is not waited for. */
function groupLives(group) {
  if (!signalGroup(group, 0)) return false;
  if (!existsSync("/proc/self/stat")) return true;
  return readdirSync("/proc").some((id) => {
    const stat = /^\d+$/.test(id) ? textOf(`/proc/${id}/stat`) : "";
    const [state, , member] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(member) === group && state !== "Z";
  });
}

async function clearGroup(group) {
  for (const signal of ["SIGTERM", "SIGKILL"]) {
    if (!groupLives(group)) return;
    signalGroup(group, signal);
    for (let waited = 0; waited < leftoverMs && groupLives(group); waited += 50) await sleep(50);
  }
}

/** Ctrl-C reaches us twice, from the terminal and through npm: a repetition within a second is the same wish. */
function stop(signal) {
  const { child, since, signal: first } = state;
  if (first && performance.now() - since < 1_000) return;
  state.signal ??= signal;
  state.since = performance.now();
  if (!child) return;
  const kill = () => state.child === child && signalGroup(child.pid, "SIGKILL");
  if (first) kill();
  // Few programs clean up on SIGHUP; every server does on SIGTERM.
  else child.kill(signal === "SIGHUP" ? "SIGTERM" : signal);
  setTimeout(kill, stopMs).unref();
}

function watch() {
  if (state.watching) return;
  state.watching = true;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) process.on(signal, stop);
  // A closed terminal takes our output away before the programs had time to stop.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  if (!process.env.npm_lifecycle_event) return;
  // npm passes on neither SIGHUP nor its own violent death; we notice that we were given to another parent.
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && stop("SIGHUP"), 500).unref();
}

/**
 * Runs a program to its end.
 * @param {{ stdout?: "inherit" | "stderr", env?: Record<string, string> }} [options]
 * @returns {Promise<number>} its exit code, 128 + n when signal n ended it, 127 when it could not be started
 */
export async function run(command, args, { stdout = "inherit", env = {} } = {}) {
  watch();
  if (state.signal) return 128 + constants.signals[state.signal];
  const child = spawn(command, args, {
    stdio: ["ignore", stdout === "stderr" ? 2 : "inherit", "inherit"],
    env: { ...process.env, ...env },
    detached: true,
  });
  state.child = child;
  const code = await new Promise((resolve) => {
    child.once("error", ({ message }) => resolve((console.error(message), 127)));
    child.once("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
  if (child.pid) await clearGroup(child.pid);
  state.child = undefined;
  return code;
}

/** True once a signal asked us to stop: the task must not go on to its next step. */
export const stopped = () => state.signal !== undefined;
