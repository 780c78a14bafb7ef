import { execFile } from "node:child_process";
import { basename } from "node:path";
import { promisify } from "node:util";
import { ServerError } from "../server-error.js";
import { telling } from "./explain.js";

const execute = promisify(execFile);

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
}

/**
 * Runs a program to its end.
 * @throws {ServerError} when it fails; `detail` is its output
 */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  try {
    return (await execute(program, args, { ...options, encoding: "utf8" })).stdout;
  } catch (cause) {
    const { message, stdout = "", stderr = "" } = cause as Error & { stdout?: string; stderr?: string };
    const detail = stdout + stderr;
    throw new ServerError(`${basename(program)} failed: ${telling(detail || message)}`, {
      detail: detail || message,
      cause,
    });
  }
}
