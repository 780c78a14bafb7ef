import { ServerError } from "../server-error.js";

/** An error with the reason in one line, where the output or the system names it. Otherwise returns the error unchanged. */
export function explainStart(error: unknown, server: { what: string; port: number; folder: string }): unknown {
  const { what, port, folder } = server;
  const detail = detailOf(error);
  const because = (reason: string): ServerError => new ServerError(`${what}: ${reason}`, { detail, cause: error });
  if (isPortInUse(error)) return because(`port ${port} is in use`);
  // Postgres words a full table of shared memory segments like a full disk.
  if (/could not create shared memory segment/.test(detail)) return because("no shared memory left (see ipcs -m)");
  if (/No space left on device|ENOSPC/.test(detail)) return because(`the disk that holds ${folder} is full`);
  return error;
}

export function isPortInUse(error: unknown): boolean {
  return /Address already in use/i.test(detailOf(error));
}

/** The line of a program's output that is most likely to name the reason of its end, shortened to fit a message. */
export function telling(output: string): string {
  const lines = output.trimEnd().split("\n");
  const fatal = lines.findLast((line) => /\b(?:FATAL|PANIC):/.test(line));
  return (fatal?.replace(/^.*?(?=FATAL|PANIC)/, "") ?? lines.at(-1) ?? "").trim().slice(0, 200);
}

function detailOf(error: unknown): string {
  return error instanceof ServerError ? error.detail : String(error);
}
