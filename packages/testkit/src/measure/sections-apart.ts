import { spawn } from "node:child_process";

/** The outcome of one section: what its process printed, and its exit code. */
interface Ended {
  readonly output: string;
  readonly code: number;
}

/**
 * Runs sections each in a process of its own, some at the same time: a short run mostly waits for timers and servers. Prints
 * the output of a section when it has ended.
 * @param script the program that runs the sections named on its command line
 * @returns the first exit code that is not 0
 */
export async function runSectionsApart(
  names: readonly string[],
  { script, processes, flags, print }: SectionsApartOptions,
): Promise<number> {
  const left = [...names];
  let result = 0;
  async function takeTurns(): Promise<void> {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      const { output, code } = await runApart(script, [name, ...flags]);
      if (output !== "") print(output);
      if (code !== 0) print(`FAIL  ${name} ended with exit code ${code}`);
      result ||= code;
    }
  }
  await Promise.all(Array.from({ length: processes }, takeTurns));
  return result;
}

export interface SectionsApartOptions {
  readonly script: string;
  /** Sections that run at the same time. */
  readonly processes: number;
  readonly flags: readonly string[];
  readonly print: (text: string) => void;
}

function runApart(script: string, argv: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
    const chunks: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
    }
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (signal !== null) chunks.push(`ended by ${signal}\n`);
      resolve({ output: chunks.join("").trimEnd(), code: code ?? 1 });
    });
  });
}
