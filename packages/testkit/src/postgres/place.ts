import { statfsSync } from "node:fs";
import { tmpdir } from "node:os";

const MEMORY = "/dev/shm";
const ROOM_BYTES = 4 * 2 ** 30;

/**
 * Where data folders go: into memory where the system offers plenty, since each is a thousand small files that live for
 * seconds, or else the temporary folder. A TMPDIR that is set is meant.
 */
export function dataParent(): string {
  if (process.env["TMPDIR"]) return tmpdir();
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize >= ROOM_BYTES ? MEMORY : tmpdir();
  } catch {
    return tmpdir(); // Not on this system.
  }
}
