import { createHash } from "node:crypto";
import { StoreError } from "@scale/core";
import type { Script } from "@scale/core/redis";
import type { BullmqScripts } from "./bullmq-scripts.js";
import {
  add,
  cancel,
  cancelTenant,
  counts,
  ends,
  fair,
  isStaged,
  list,
  purge,
  reclaim,
  recover,
  redrive,
  stats,
  tenant,
  tenants,
  turn,
  watch,
} from "./scripts.gen.js";

export type Operation =
  | "add"
  | "turn"
  | "recover"
  | "reclaim"
  | "watch"
  | "redrive"
  | "cancel"
  | "cancelTenant"
  | "counts"
  | "isStaged"
  | "list"
  | "purge"
  | "stats"
  | "tenant"
  | "tenants";

interface Parts {
  readonly own: Script;
  /** The scripts of BullMQ that it calls. */
  readonly calls?: readonly string[];
}

const PARTS: Readonly<Record<Operation, Parts>> = {
  add: { own: add, calls: ["addStandardJob", "addDelayedJob"] },
  turn: { own: turn, calls: ["moveToFinished", "moveToActive", "moveToDelayed", "moveJobFromActiveToWait"] },
  recover: { own: recover, calls: ["moveStalledJobsToWait"] },
  reclaim: { own: reclaim, calls: ["moveJobFromActiveToWait"] },
  watch: { own: watch, calls: ["extendLocks"] },
  redrive: { own: redrive, calls: ["reprocessJob"] },
  cancel: { own: cancel },
  cancelTenant: { own: cancelTenant },
  counts: { own: counts },
  isStaged: { own: isStaged },
  list: { own: list },
  purge: { own: purge },
  stats: { own: stats },
  tenant: { own: tenant },
  tenants: { own: tenants },
};

/** The scripts of the store, one for each operation. */
export type Operations = Readonly<Record<Operation, Script>>;

/**
 * Puts BullMQ's scripts and ours together, so that one call moves a job with BullMQ's code and decides about it with ours, in
 * one atomic step. BullMQ's are functions in it, unchanged.
 */
export function composeOperations(bullmq: BullmqScripts): Operations {
  const composed = Object.entries(PARTS).map(([name, { own, calls = [] }]) => {
    const functions = calls.map((command) => functionOf(command, bullmq));
    return [name, composeScript(own.name, [...functions.map(makeHelpersOnce), fair.source, ends.source, own.source])];
  });
  return Object.fromEntries(composed) as Record<Operation, Script>;
}

/** One script of several parts. */
export function composeScript(name: string, parts: readonly string[]): Script {
  const source = parts.join("\n");
  return { name, source, sha1: createHash("sha1").update(source).digest("hex") };
}

/** A script of BullMQ as a function of its keys and arguments, and of the decoder of its packed arguments. */
export function functionOf(command: string, bullmq: BullmqScripts, name: string = command): string {
  const script = bullmq.get(command);
  if (script === undefined) throw new StoreError(`expected a BullMQ with the script ${command}, got one without`);
  return `local function ${name}(KEYS, ARGV, cmsgpack)\n${script.lua}\nend`;
}

const HELPER = /^local (?:function \w+|\w+ = function) ?\(/;
const COMMENT = /--\[\[[\s\S]*?\]\]|--.*/g;

/**
 * Takes the helper functions of a script of BullMQ out of the function that `functionOf` made: there are about forty, and a turn
 * calls the script for each job. A script whose helpers stand among its statements stays as it is.
 * @internal exported for its tests
 */
export function makeHelpersOnce(source: string): string {
  const [first = "", ...lines] = source.split("\n");
  const count = helperLines(lines);
  const helpers = lines.slice(0, count).join("\n");
  if (count === 0 || /\b(?:KEYS|ARGV)\b/.test(helpers.replaceAll(COMMENT, ""))) return source;
  const name = /^local function (\w+)/.exec(first)?.[1] ?? "";
  return `local function make_${name}(cmsgpack)
${helpers}
return function(KEYS, ARGV)
${lines.slice(count).join("\n")}
end
local made_${name}
local function ${name}(KEYS, ARGV, cmsgpack)
made_${name} = made_${name} or make_${name}(cmsgpack)
return made_${name}(KEYS, ARGV)
end`;
}

/** Number of lines up to the end of the last helper. BullMQ's begin and end at the first column. */
function helperLines(lines: readonly string[]): number {
  let last = 0;
  let isInside = false;
  for (const [i, line] of lines.entries()) {
    if (HELPER.test(line)) isInside = true;
    else if (isInside && line.trimEnd() === "end") {
      isInside = false;
      last = i + 1;
    }
  }
  return last;
}

/** Names of the BullMQ scripts that the operations call. */
export const CALLED_COMMANDS: readonly string[] = Object.values(PARTS).flatMap(({ calls = [] }) => calls);
