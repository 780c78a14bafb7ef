import type { Clock } from "@scale/core";
import type { ScriptRunner } from "@scale/core/redis";
import type { CacheStore, EntryAddress, Lease, ReadListener, ReadResult } from "../../store.js";
import { read as readScript } from "../lua/scripts.gen.js";
import { createTurnBatcher } from "./batcher.js";
import { groupByTenant } from "./group-by-tenant.js";
import { createMgetReads, type ReadCallback } from "./mget.js";
import { RecentReads } from "./mget-or-script.js";
import { parseReply } from "./parse-reply.js";
import { createServerClock, type ServerClock } from "./server-clock.js";

interface ReadsOptions {
  readonly runner: ScriptRunner;
  readonly prefix: string;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly metadataTtlMs: number;
  readonly newId: () => string;
  /** Gives a lease back. Never rejects. */
  release(lease: Lease): void;
}

/** The script's reply for an entry that it did not look at. */
const AGAIN = "A";

/** The script takes no lease, because the caller will not load missing entries. */
const NO_LEASE = "0";

/**
 * Sends the reads of one turn of the event loop as one command, per tenant on a Cluster. `MGET` finds the values. Entries that
 * it does not find are read again with a script, which takes the lease. While most reads miss, the script is asked directly.
 */
export function createReads(options: ReadsOptions): Pick<CacheStore, "read" | "readWithoutLease"> {
  const state = { recent: new RecentReads(), serverClock: createServerClock(options.clock) };
  const mgetReads = createMgetReads(options, state);
  const readAndLease = createScriptReads(options, state, String(options.leaseMs));
  const readOnly = createScriptReads(options, state, NO_LEASE);

  function to(address: EntryAddress, listener: ReadListener): void {
    const callback = new LeasingRead(address, listener, readAndLease);
    if (address.hasTags === true || !mgetReads.prefersMget()) callback.missing();
    else mgetReads.read(callback);
  }

  const read = (address: EntryAddress): Promise<ReadResult> =>
    new Promise((found, failed) => to(address, { found, failed }));

  return {
    read: Object.assign(read, { to }),
    readWithoutLease: (address) =>
      new Promise((resolve, reject) => {
        const callback: ReadCallback = {
          address,
          found: (result) => resolve(result.is === "value" ? result.stored : result.old),
          missing: (isCertain) => (isCertain ? resolve(undefined) : readOnly(callback)),
          failed: reject,
        };
        if (mgetReads.isPossible()) mgetReads.read(callback);
        else readOnly(callback);
      }),
  };
}

/** Reads with the script, in batches. @param leaseMs as the script takes it */
function createScriptReads(
  { runner, prefix, metadataTtlMs, newId, clock, release }: ReadsOptions,
  { recent, serverClock }: { readonly recent: RecentReads; readonly serverClock: ServerClock },
  leaseMs: string,
): (callback: ReadCallback) => void {
  const ttl = String(metadataTtlMs);

  function send(batch: readonly ReadCallback[]): void {
    const token = newId();
    const { ordered, keys, sizes } = groupByTenant(prefix, batch);
    const askedAt = clock.monotonic();
    // The reads have failed by then. Their leases would keep other processes waiting.
    const late = (reply: unknown): void => releaseAll(ordered, reply, (address) => release({ ...address, token }));
    runner.run(readScript, { keys, args: [token, leaseMs, ttl, ...sizes.map(String)], late }).then(
      (reply) => {
        const replies: readonly unknown[] = Array.isArray(reply) ? reply : [];
        serverClock.sync(Number(replies[0]), askedAt);
        answerAll(ordered, replies, { token, recent, again: add });
      },
      (error: unknown) => {
        for (const callback of ordered) callback.failed(error);
      },
    );
  }

  const batcher = createTurnBatcher<ReadCallback>({ send, charsOf: () => recent.meanChars });
  const add = (callback: ReadCallback): void =>
    batcher.add(runner.isCluster ? callback.address.tenantId : "", callback);
  return add;
}

/** A class, because one is made for each read. */
class LeasingRead implements ReadCallback {
  readonly address: EntryAddress;
  readonly #listener: ReadListener;
  readonly #readAndLease: (callback: ReadCallback) => void;

  constructor(address: EntryAddress, listener: ReadListener, readAndLease: (callback: ReadCallback) => void) {
    this.address = address;
    this.#listener = listener;
    this.#readAndLease = readAndLease;
  }

  found(result: ReadResult): void {
    this.#listener.found(result);
  }

  /** Certain or not, the script decides, because it also takes the lease. */
  missing(): void {
    this.#readAndLease(this);
  }

  failed(error: unknown): void {
    this.#listener.failed(error);
  }
}

interface ReadAnswers {
  readonly token: string;
  readonly recent: RecentReads;
  /** Reads an entry that the script did not look at. */
  again(callback: ReadCallback): void;
}

function answerAll(
  ordered: readonly ReadCallback[],
  replies: readonly unknown[],
  { token, recent, again }: ReadAnswers,
): void {
  const now = Number(replies[0]);
  for (let i = 0; i < ordered.length; i++) {
    const callback = ordered[i] as ReadCallback;
    if (replies[i + 1] === AGAIN) {
      again(callback);
      continue;
    }
    try {
      const result = parseReply(replies[i + 1], now, token);
      recent.record(result.is === "value" ? result.stored.text.length : 0);
      callback.found(result);
    } catch (error) {
      callback.failed(error);
    }
  }
}

function releaseAll(ordered: readonly ReadCallback[], reply: unknown, release: (address: EntryAddress) => void): void {
  const replies: readonly unknown[] = Array.isArray(reply) ? reply : [];
  for (let i = 0; i < ordered.length; i++) {
    const one = replies[i + 1];
    if (typeof one === "string" && one.startsWith("H")) release((ordered[i] as ReadCallback).address);
  }
}
