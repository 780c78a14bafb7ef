import { createHash } from "node:crypto";
import type { Script } from "@scale/core/redis";
import { history, read as readEvents, tails as readTails } from "./scripts.gen.js";

/** One script of the opening of a tenant's history and of an operation on it: both in one atomic step. */
function onHistory({ name, source: operation }: Script): Script {
  const source = `${history.source}\n${operation}`;
  return { name, source, sha1: createHash("sha1").update(source).digest("hex") };
}

export const read: Script = onHistory(readEvents);
export const tails: Script = onHistory(readTails);
