import { createHash } from "node:crypto";
import type { BullmqScripts } from "./bullmq-scripts.js";
import { CALLED_COMMANDS } from "./compose.js";
import { routes } from "./routes.js";

/**
 * SHA-1 of the scripts of BullMQ 6.7.0 that ours call or go around. A release that changes one of them is adopted by reading the
 * change, running the tests of this folder, and writing the digest here that `pinned.test.ts` reports.
 */
const PINNED = "7691b16a1c91baf3a92db931c4c544097bd15177";

/** Digest of the scripts that this package was written against and tested with. */
export function digestOf(scripts: BullmqScripts): string {
  const names = [...new Set([...CALLED_COMMANDS, ...routes.keys()])].sort();
  const hash = createHash("sha1");
  for (const name of names) hash.update(`${name}\n${scripts.get(name)?.lua ?? "missing"}\n`);
  return hash.digest("hex");
}

/** True for the BullMQ whose scripts this package was written against. */
export function isPinned(scripts: BullmqScripts): boolean {
  return digestOf(scripts) === PINNED;
}
