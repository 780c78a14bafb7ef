import { StoreError } from "@scale/core";
import type { ScriptRunner } from "@scale/core/redis";
import type { ReadResult, Lease, EntryAddress, Read, ReadListener, StoredEntry } from "../../store.js";
import { byTenant } from "./group-by-tenant.js";
import { createGlances, type Onlooker } from "./mget.js";
import { foundOf } from "./parse-reply.js";
import { read as readScript } from "../lua/scripts.gen.js";
import type { ServerClock } from "./server-clock.js";
import { inTurnBatches } from "./batcher.js";

export interface ReadsOptions {
  readonly runner: ScriptRunner;
  readonly prefix: string;
  readonly leaseMs: number;
  readonly lifeMs: number;
  readonly newId: () => string;
  readonly serverClock: ServerClock;
  readonly monotonic: () => number;
  /** Gives a lease back. Never rejects. */
  release(lease: Lease): void;
}

export interface Reads {
  readonly read: Read;
  look(place: EntryAddress): Promise<StoredEntry | undefined>;
}

/** Takes none: what is not there is nobody's to load. */
const NO_LEASE = "0";

/**
 * Sends the reads of one turn of the event loop as one command, per tenant on a Cluster. What is there is found with `MGET`,
 * and what is not is asked for again with a script, which takes the lease. While little is found the script is asked at once.
 */
export function createReads(options: ReadsOptions): Reads {
  const { runner, prefix, leaseMs, lifeMs, newId, serverClock, monotonic } = options;
  const life = String(lifeMs);

  function release(askers: readonly Asker[], reply: unknown, token: string): void {
    const answers: readonly unknown[] = Array.isArray(reply) ? reply : [];
    for (let i = 0; i < askers.length; i++) {
      const { place } = askers[i] as Asker;
      const answer = answers[i + 1];
      if (typeof answer === "string" && answer.startsWith("H")) options.release({ ...place, token });
    }
  }

  const glances = createGlances(options);

  function asking(lease: string): (asker: Asker) => void {
    function send(batch: readonly Asker[]): void {
      const id = newId();
      const { ordered, keys, sizes } = byTenant(prefix, batch);
      const askedAt = monotonic();
      // Nobody waits any more for what came too late, and others would wait for its leases.
      const late = (reply: unknown): void => release(ordered, reply, id);
      runner.run(readScript, { keys, args: [id, lease, life, ...sizes.map(String)], late }).then(
        (reply) => {
          const answers: readonly unknown[] = Array.isArray(reply) ? reply : [];
          serverClock.told(Number(answers[0]), askedAt);
          settle(ordered, answers, { token: id, saw: glances.saw });
        },
        (error: unknown) => {
          for (const asker of ordered) asker.failed(error);
        },
      );
    }
    const add = inTurnBatches<Asker>({ send, charsOf: glances.meanChars });
    return (asker) => add(runner.isCluster ? asker.place.tenantId : "", asker);
  }

  const take = asking(String(leaseMs));
  const seek = asking(NO_LEASE);

  function to(place: EntryAddress, listener: ReadListener): void {
    const reader = new Reader(place, listener, take);
    if (place.hasTags === true || !glances.isWorthIt()) reader.missing();
    else glances.glance(reader);
  }

  const read = (place: EntryAddress): Promise<ReadResult> =>
    new Promise((found, failed) => to(place, { found, failed }));

  return {
    read: Object.assign(read, { to }),
    look: (place) =>
      new Promise((resolve, reject) => {
        const asker = {
          place,
          found: resolve,
          answered: (found: ReadResult) => resolve(found.is === "value" ? found.stored : undefined),
          missing: (isCertain: boolean) => (isCertain ? resolve(undefined) : seek(asker)),
          failed: reject,
        };
        if (glances.isPossible()) glances.glance(asker);
        else seek(asker);
      }),
  };
}

/** Who is told what the script says. */
interface Asker {
  readonly place: EntryAddress;
  answered(found: ReadResult): void;
  failed(error: unknown): void;
}

/** One read, on its way from one command to the next. A class, because one is made for each. */
class Reader implements Asker, Onlooker {
  readonly place: EntryAddress;
  readonly #listener: ReadListener;
  readonly #take: (asker: Asker) => void;

  constructor(place: EntryAddress, listener: ReadListener, take: (asker: Asker) => void) {
    this.place = place;
    this.#listener = listener;
    this.#take = take;
  }

  found(stored: StoredEntry): void {
    this.#listener.found({ is: "value", stored });
  }

  /** The script finds out, and takes the lease. */
  missing(): void {
    this.#take(this);
  }

  answered(found: ReadResult): void {
    this.#listener.found(found);
  }

  failed(error: unknown): void {
    this.#listener.failed(error);
  }
}

interface About {
  readonly token: string;
  saw(chars: number): void;
}

function settle(ordered: readonly Asker[], answers: readonly unknown[], { token, saw }: About): void {
  const now = Number(answers[0]);
  for (let i = 0; i < ordered.length; i++) {
    const asker = ordered[i] as Asker;
    try {
      const found = foundOf(answers[i + 1], now, token);
      saw(found.is === "value" ? found.stored.text.length : 0);
      asker.answered(found);
    } catch (cause) {
      asker.failed(new StoreError("Redis answered something else than was asked", { cause }));
    }
  }
}
