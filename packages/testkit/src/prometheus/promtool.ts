import { spawnSync } from "node:child_process";

export interface PromtoolResult {
  /** Exit code; 0 when promtool finds nothing. */
  readonly code: number;
  readonly output: string;
}

/** Runs promtool, as `findProgram("promtool")` found it, and gives it `input` to read. */
export function runPromtool(path: string, args: readonly string[], input = ""): PromtoolResult {
  const { status, stdout, stderr } = spawnSync(path, [...args], {
    input,
    encoding: "utf8",
    timeout: 60_000,
  });
  return { code: status ?? -1, output: `${stdout}${stderr}` };
}
