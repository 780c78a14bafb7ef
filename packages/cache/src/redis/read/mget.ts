import { StoreError } from "@scale/core";
import type { ScriptRunner } from "@scale/core/redis";
import type { EntryAddress, StoredEntry } from "../../store.js";
import { byTenant } from "./group-by-tenant.js";
import { storedOf } from "./parse-entry.js";
import type { ServerClock } from "./server-clock.js";
import { inTurnBatches } from "./batcher.js";

/** Who is told what becomes of a glance. */
export interface Onlooker {
  readonly place: EntryAddress;
  found(stored: StoredEntry): void;
  /** @param isCertain false when only the script can tell */
  missing(isCertain: boolean): void;
  failed(error: unknown): void;
}

export interface Glances {
  /** False when the script would have to be asked all the same. */
  isPossible(): boolean;
  /** False while most that is asked for is not there: the script finds that out too, and takes the lease. */
  isWorthIt(): boolean;
  glance(onlooker: Onlooker): void;
  /** Tells what the script found, 0 for nothing: while it finds little, there is no use in a glance before it. */
  saw(chars: number): void;
  /** Of the values that were read lately. */
  meanChars(): number;
}

/** Of the last reads, roughly, so many decide whether the next ones are worth a glance. */
const REMEMBERED = 64;

/**
 * Reads entries with `MGET`, which costs the server and this process less than a script. All that it needs is in what it
 * reads, but for the clock, and for the tags of the entry: an entry that has some is left to the script.
 */
export function createGlances({
  runner,
  prefix,
  serverClock,
}: {
  readonly runner: ScriptRunner;
  readonly prefix: string;
  readonly serverClock: ServerClock;
}): Glances {
  const { mget } = runner;
  // On a Cluster each node has a clock of its own.
  const isPossible = (): boolean => mget !== undefined && !runner.isCluster && serverClock.now() !== undefined;
  let misses = 0;

  let meanChars = 0;

  const ask = inTurnBatches<Onlooker>({
    charsOf: () => meanChars,
    send(batch) {
      const { ordered, keys, sizes } = byTenant(prefix, batch);
      mget?.(keys).then(
        (reply) => tell(reply, ordered, sizes),
        (error: unknown) => {
          for (const onlooker of ordered) onlooker.failed(error);
        },
      );
    },
  });

  function tell(reply: unknown, ordered: readonly Onlooker[], sizes: readonly number[]): void {
    const values: readonly unknown[] = Array.isArray(reply) ? reply : [];
    const now = serverClock.now();
    if (now === undefined) return ordered.forEach((onlooker) => onlooker.missing(false));
    if (values.length !== ordered.length + sizes.length) {
      const error = new StoreError("Redis answered something else than was asked");
      return ordered.forEach((onlooker) => onlooker.failed(error));
    }
    let [value, next] = [0, 0];
    for (const size of sizes) {
      const generation = idOf(values[value++]);
      for (let i = 0; i < size; i++) {
        const text = values[value++];
        answer(ordered[next++] as Onlooker, isOf(text, generation) ? text : "", now);
      }
    }
  }

  function answer(onlooker: Onlooker, text: string, now: number): void {
    const kind = text.charAt(0);
    saw(kind === "V" ? text.length : 0);
    if (kind !== "V") return onlooker.missing(kind !== "T");
    onlooker.found(storedOf(text, now));
  }

  function saw(chars: number): void {
    misses = chars > 0 ? Math.max(0, misses - 2) : Math.min(REMEMBERED, misses + 1);
    if (chars > 0) meanChars += (chars - meanChars) / REMEMBERED;
  }

  return {
    isPossible,
    isWorthIt: () => misses < REMEMBERED / 2 && isPossible(),
    glance: (onlooker) => ask("", onlooker),
    saw,
    meanChars: () => meanChars,
  };
}

/** @param generation with the dot after it */
function isOf(text: unknown, generation: string | undefined): text is string {
  return typeof text === "string" && generation !== undefined && text.startsWith(generation, 1);
}

function idOf(generation: unknown): string | undefined {
  if (typeof generation !== "string") return undefined;
  const dot = generation.indexOf(".");
  return dot > 0 ? generation.slice(0, dot + 1) : undefined;
}
