import { StoreError } from "@scale/core";
import type { ScriptRunner } from "@scale/core/redis";
import type { Found, Place } from "../store.js";
import { entryKey, generationKey, keyBase } from "./keys.js";
import { foundOf } from "./reply.js";
import { read } from "./scripts.gen.js";

interface Pending {
  readonly place: Place;
  resolve(found: Found): void;
  reject(error: unknown): void;
}

interface ReadsOptions {
  readonly runner: ScriptRunner;
  readonly prefix: string;
  readonly leaseMs: number;
  readonly lifeMs: number;
  readonly newId: () => string;
}

/** Bounds how long one script holds the server: while the server reads one batch, this process prepares the next. */
const MAX_BATCH = 64;

/** Sends the reads of one turn of the event loop as one command, per tenant on a Cluster. */
export function createReads({
  runner,
  prefix,
  leaseMs,
  lifeMs,
  newId,
}: ReadsOptions): (place: Place) => Promise<Found> {
  const open = new Map<string, Pending[]>();

  function send(batch: readonly Pending[]): void {
    const id = newId();
    const { ordered, keys, sizes } = arrange(batch, prefix);
    runner.run(read, { keys, args: [id, String(leaseMs), String(lifeMs), ...sizes] }).then(
      (reply) => {
        settle(ordered, reply, id);
      },
      (error: unknown) => {
        for (const { reject } of ordered) reject(error);
      },
    );
  }

  function flush(group: string): void {
    const batch = open.get(group);
    open.delete(group);
    if (batch !== undefined) send(batch);
  }

  return (place) =>
    new Promise((resolve, reject) => {
      const pending = { place, resolve, reject };
      const group = runner.isCluster ? place.tenantId : "";
      const batch = open.get(group);
      if (batch !== undefined) {
        if (batch.push(pending) >= MAX_BATCH) flush(group);
        return;
      }
      // After all promises that are settled by now: whoever waits for them may read too. That takes no time.
      open.set(group, [pending]);
      process.nextTick(flush, group);
    });
}

/** Each tenant's generation, then its entries. */
function arrange(batch: readonly Pending[], prefix: string): { ordered: Pending[]; keys: string[]; sizes: string[] } {
  const tenants = new Map<string, Pending[]>();
  for (const pending of batch) {
    const same = tenants.get(pending.place.tenantId);
    if (same === undefined) tenants.set(pending.place.tenantId, [pending]);
    else same.push(pending);
  }
  const ordered: Pending[] = [];
  const keys: string[] = [];
  const sizes: string[] = [];
  for (const [tenantId, all] of tenants) {
    const base = keyBase(prefix, tenantId);
    keys.push(generationKey(base));
    for (const pending of all) {
      ordered.push(pending);
      keys.push(entryKey(base, pending.place.key));
    }
    sizes.push(String(all.length));
  }
  return { ordered, keys, sizes };
}

function settle(ordered: readonly Pending[], reply: unknown, token: string): void {
  const answers: readonly unknown[] = Array.isArray(reply) ? reply : [];
  const now = Number(answers[0]);
  for (let i = 0; i < ordered.length; i++) {
    const pending = ordered[i] as Pending;
    try {
      pending.resolve(foundOf(answers[i + 1], now, token));
    } catch (cause) {
      pending.reject(new StoreError("Redis answered something else than was asked", { cause }));
    }
  }
}
