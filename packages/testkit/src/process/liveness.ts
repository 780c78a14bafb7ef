import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

interface ProcessRow {
  pid: number;
  parent: number;
  /** One letter; Z is a zombie. */
  state: string;
}

/** Whether a process runs. One that is dead but not yet collected by its parent (a zombie) does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const row = existsSync("/proc/self/stat") ? procRow(pid) : psRows().find((each) => each.pid === pid);
  return row !== undefined && row.state !== "Z";
}

/** The processes whose parent is `pid`. */
export function childrenOf(pid: number): number[] {
  const rows = existsSync("/proc/self/stat")
    ? readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? (procRow(Number(name)) ?? []) : []))
    : psRows();
  return rows.filter((row) => row.parent === pid).map((row) => row.pid);
}

function procRow(pid: number): ProcessRow | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined; // It ended while we looked.
  }
  // The second field is the program's name in brackets, and may itself hold spaces and brackets.
  const [state = "", parent] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { pid, parent: Number(parent), state };
}

/** For systems without /proc. */
function psRows(): ProcessRow[] {
  const { stdout } = spawnSync("ps", ["-A", "-o", "pid=,ppid=,state="], { encoding: "utf8" });
  return stdout
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, state = ""]) => ({ pid: Number(pid), parent: Number(parent), state: state.slice(0, 1) }));
}
