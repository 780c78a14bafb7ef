import { ServerError } from "../server-error.js";

/** Says in one line of ours why a server did not start, where its output or the system tells; else returns the error. */
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

/** Of a program's output the line most likely to say why it ended, shortened to what fits a message. */
export function telling(output: string): string {
  const lines = output.trimEnd().split("\n");
  const fatal = lines.findLast((line) => /\b(?:FATAL|PANIC):/.test(line));
  return (fatal?.replace(/^.*?(?=FATAL|PANIC)/, "") ?? lines.at(-1) ?? "").trim().slice(0, 200);
}

function detailOf(error: unknown): string {
  return error instanceof ServerError ? error.detail : String(error);
}
