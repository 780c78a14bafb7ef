import type { ScriptRunner } from "@scale/core/redis";
import type { CacheStore, EntryContent, Lease } from "../../store.js";
import { encodeInvalidation } from "../bus/message.js";
import { entryKey, generationKey, keyBase } from "../keys.js";
import { fill } from "../lua/scripts.gen.js";
import { createTurnBatcher } from "./batcher.js";
import { unexpectedReply } from "./parse-reply.js";

/** The weight of a tag in a batch: the script makes up to three calls for it. A batch has 256 tags at most. */
const CHARS_PER_TAG = 2048;

interface PendingFill {
  readonly lease: Lease;
  readonly content: EntryContent;
  resolve(isKept: boolean): void;
  reject(error: unknown): void;
}

/**
 * Sends the fills of one turn of the event loop as one command, per tenant on a Cluster. Written values are also published on the
 * channel of the invalidation bus.
 */
export function createFills(options: {
  readonly runner: ScriptRunner;
  readonly prefix: string;
  readonly metadataTtlMs: number;
  readonly channel: string;
}): CacheStore["fillIn"] {
  const { runner, prefix, metadataTtlMs, channel } = options;

  function send(batch: readonly PendingFill[], isPublished: boolean): void {
    const keys: string[] = [];
    const args = [String(metadataTtlMs), isPublished ? channel : ""];
    for (const { lease, content } of batch) {
      const { tenantId, key } = lease;
      const base = keyBase(prefix, tenantId);
      keys.push(generationKey(base), entryKey(base, key));
      args.push(metaOf(lease, content), content.text);
      if (lease.notify !== undefined) {
        args.push(encodeInvalidation({ tenantId, keys: [key], tags: [], all: false, from: lease.notify }));
      }
    }
    runner.run(fill, { keys, args }).then(
      (reply) => {
        const replies: readonly unknown[] = Array.isArray(reply) ? reply : [];
        for (let i = 0; i < batch.length; i++) settle(batch[i] as PendingFill, replies[i]);
      },
      (error: unknown) => {
        for (const { reject } of batch) reject(error);
      },
    );
  }

  const charsOf = ({ content }: PendingFill): number => content.text.length + content.tags.length * CHARS_PER_TAG;
  const loads = createTurnBatcher<PendingFill>({ charsOf, send: (batch) => send(batch, false) });
  const writes = createTurnBatcher<PendingFill>({ charsOf, send: (batch) => send(batch, true) });
  return (lease, content) =>
    new Promise((resolve, reject) => {
      const batcher = lease.notify === undefined ? loads : writes;
      batcher.add(runner.isCluster ? lease.tenantId : "", { lease, content, resolve, reject });
    });
}

/** Values of one turn with the same times and no tags get the same string, which the script parses once. */
function metaOf({ token }: Lease, { freshMs, usableMs, tags }: EntryContent): string {
  return `${token}.${Math.ceil(freshMs)}.${Math.ceil(usableMs)}.${tags.length === 0 ? "" : tags.join(":")}`;
}

function settle({ resolve, reject }: PendingFill, reply: unknown): void {
  if (reply === 1 || reply === 0) resolve(reply === 1);
  else reject(unexpectedReply("0 or 1 for each value", reply));
}
