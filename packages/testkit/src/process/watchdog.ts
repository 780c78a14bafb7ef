import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const PREFIX = "scale-";

/**
 * Reads "+x" and "-x" lines, where x is a process id or a folder, and waits for the end of its input, which comes when
 * this process dies in whatever way. Then it kills what is still listed, with its process group, and removes the folders.
 * A process listed as "q" and its id gets SIGQUIT and a second before that.
 *
 * A list in the shell is a string with a newline around each entry. The folder's name is checked a second time here,
 * because this is `rm -rf`. A process that is being killed may still write, hence the repeats.
 */
const SCRIPT = `
trap '' HUP INT QUIT TERM
n='
'
list=$n
while IFS= read -r line; do
  x=\${line#?}
  case $line in
    +*) list=$list$x$n ;;
    -*) case $list in *"$n$x$n"*) list=\${list%%"$n$x$n"*}$n\${list#*"$n$x$n"} ;; esac ;;
  esac
done
IFS=$n
set -f
for x in $list; do
  case $x in
    q*) kill -QUIT "\${x#q}"; kill -CONT "\${x#q}"; asked=1 ;;
    /*) ;;
    *) kill -9 "-$x"; kill -9 "$x" ;;
  esac
done
[ "$asked" ] && sleep 1
for x in $list; do
  case $x in q*) kill -9 "-\${x#q}"; kill -9 "\${x#q}" ;; esac
done
for x in $list; do
  case \${x##*/} in
    ${PREFIX}*) for i in 1 2 3 4 5; do rm -rf -- "$x" && ! [ -e "$x" ] && break; sleep 1; done ;;
  esac
done
`;

export type LastSignal = "SIGKILL" | "SIGQUIT";

let watchdog: ChildProcess | undefined;

/**
 * Sees to it that a process does not outlive this one.
 * @param last "SIGQUIT" for a program that has something of the system to give back, and does so at once on that signal
 */
export function guardProcess(pid: number, last: LastSignal = "SIGKILL"): void {
  send(`+${entry(pid, last)}`);
}

/** To be called as soon as the process has ended: its id may be given to another. */
export function releaseProcess(pid: number, last: LastSignal = "SIGKILL"): void {
  send(`-${entry(pid, last)}`);
}

function entry(pid: number, last: LastSignal): string {
  return last === "SIGQUIT" ? `q${pid}` : `${pid}`;
}

/** A new folder that does not outlive this process. */
export function makeTempFolder(kind: string, parent: string = tmpdir()): string {
  const folder = mkdtempSync(join(parent, `${PREFIX}${kind}-`));
  guardFolder(folder);
  return folder;
}

/** Removes a folder of `makeTempFolder`. */
export async function removeTempFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  releaseFolder(folder);
}

/** @param folder its name starts with "scale-" */
export function guardFolder(folder: string): void {
  if (!basename(folder).startsWith(PREFIX) || folder.includes("\n")) throw new Error(`not a folder of ours: ${folder}`);
  send(`+${folder}`);
}

export function releaseFolder(folder: string): void {
  send(`-${folder}`);
}

function send(line: string): void {
  watchdog ??= start();
  watchdog.stdin?.write(`${line}\n`);
}

/** In a session of its own, so that neither Ctrl-C nor the end of the terminal reaches it. */
function start(): ChildProcess {
  const child = spawn("/bin/sh", ["-c", SCRIPT], { cwd: "/", detached: true, stdio: ["pipe", "ignore", "ignore"] });
  child.unref();
  const input = child.stdin as Socket;
  input.unref();
  // A watchdog that was killed must not take this process with it by an unhandled EPIPE.
  input.on("error", () => {});
  child.on("error", () => {});
  child.once("exit", () => {
    if (watchdog === child) watchdog = undefined;
  });
  return child;
}
