import type { ScriptRunner } from "@scale/core/redis";
import type { EntryAddress, ReadListener } from "../../store.js";
import { createTurnBatcher } from "./batcher.js";
import { groupByTenant } from "./group-by-tenant.js";
import type { RecentReads } from "./mget-or-script.js";
import { parseEntry, unexpectedReply } from "./parse-reply.js";
import type { ServerClock } from "./server-clock.js";

/** One read on its way from `MGET` to the script. */
export interface ReadCallback extends ReadListener {
  readonly address: EntryAddress;
  /**
   * `MGET` found no value.
   * @param isCertain false if only the script can tell whether there is one
   */
  missing(isCertain: boolean): void;
}

/**
 * Reads entries with `MGET`, which costs the server and this process less than a script. An entry and its generation hold all
 * that a read needs, except for the time of the server and the numbers of tags. Entries with tags are left to the script.
 * @returns `isPossible`: false where `MGET` cannot decide anything, so that the script must be asked in any case;
 * `prefersMget`: true while at least half of the recent reads hit, because a miss needs the script anyway
 */
export function createMgetReads(
  { runner, prefix }: { readonly runner: ScriptRunner; readonly prefix: string },
  { recent, serverClock }: { readonly recent: RecentReads; readonly serverClock: ServerClock },
): { isPossible(): boolean; prefersMget(): boolean; read(callback: ReadCallback): void } {
  const { mget } = runner;
  // On a Cluster each node has its own clock.
  const isPossible = (): boolean => mget !== undefined && !runner.isCluster && serverClock.now() !== undefined;

  const batcher = createTurnBatcher<ReadCallback>({
    charsOf: () => recent.meanChars,
    send(batch) {
      const { ordered, keys, sizes } = groupByTenant(prefix, batch);
      mget?.(keys).then(
        (reply) => {
          const now = serverClock.now();
          if (now === undefined) for (const callback of ordered) callback.missing(false);
          else answerAll({ ordered, sizes }, { reply, now, recent });
        },
        (error: unknown) => {
          for (const callback of ordered) callback.failed(error);
        },
      );
    },
  });

  return {
    isPossible,
    // An open batch was begun in this turn of the event loop, so the clock was looked at in this turn.
    prefersMget: () => recent.areMostlyHits && (batcher.isOpen("") || isPossible()),
    read: (callback) => batcher.add("", callback),
  };
}

function answerAll(
  { ordered, sizes }: Omit<ReturnType<typeof groupByTenant<ReadCallback>>, "keys">,
  { reply, now, recent }: { readonly reply: unknown; readonly now: number; readonly recent: RecentReads },
): void {
  const values: readonly unknown[] = Array.isArray(reply) ? reply : [];
  if (values.length !== ordered.length + sizes.length) {
    const error = unexpectedReply(`${ordered.length + sizes.length} values`, reply);
    return ordered.forEach((callback) => callback.failed(error));
  }
  let [at, next] = [0, 0];
  for (const size of sizes) {
    const generation = idOf(values[at++]);
    for (let i = 0; i < size; i++) {
      const value = values[at++];
      const callback = ordered[next++] as ReadCallback;
      const text = isOf(value, generation) ? value : "";
      const kind = text.charAt(0);
      recent.record(kind === "V" ? text.length : 0);
      if (kind === "V") callback.found({ is: "value", stored: parseEntry(text, now) });
      // A lease may hold the old value.
      else callback.missing(kind !== "T" && kind !== "L");
    }
  }
}

/** @param generation id of the tenant's generation, with the dot after it */
function isOf(text: unknown, generation: string | undefined): text is string {
  return typeof text === "string" && generation !== undefined && text.startsWith(generation, 1);
}

function idOf(generation: unknown): string | undefined {
  if (typeof generation !== "string") return undefined;
  const dot = generation.indexOf(".");
  return dot > 0 ? generation.slice(0, dot + 1) : undefined;
}
