import { StoreError } from "@scale/core";
import type { ScriptRunner } from "@scale/core/redis";
import type { EntryContent, Lease } from "../../store.js";
import { entryKey, generationKey, keyBase } from "../keys.js";
import { encodeInvalidation } from "../bus/message.js";
import { fill } from "../lua/scripts.gen.js";
import { inTurnBatches } from "./batcher.js";

interface Pending {
  readonly lease: Lease;
  readonly content: EntryContent;
  resolve(isKept: boolean): void;
  reject(error: unknown): void;
}

interface FillsOptions {
  readonly runner: ScriptRunner;
  readonly prefix: string;
  readonly lifeMs: number;
  readonly channel: string;
  /** Who tells. */
  readonly sender: string;
}

/** Sends the fills of one turn of the event loop as one command, per tenant on a Cluster. */
export function createFills(options: FillsOptions): (lease: Lease, content: EntryContent) => Promise<boolean> {
  const { runner, prefix, lifeMs, channel, sender } = options;
  const life = String(lifeMs);

  function send(batch: readonly Pending[], isTold: boolean): void {
    const keys: string[] = [];
    const args = [life, isTold ? channel : ""];
    for (const { lease, content } of batch) {
      const { tenantId, key } = lease;
      const base = keyBase(prefix, tenantId);
      keys.push(generationKey(base), entryKey(base, key));
      args.push(metaOf(lease, content), content.text);
      if (isTold) args.push(encodeInvalidation(sender, { tenantId, keys: [key], tags: [], all: false }));
    }
    runner.run(fill, { keys, args }).then(
      (reply) => {
        const answers: readonly unknown[] = Array.isArray(reply) ? reply : [];
        for (let i = 0; i < batch.length; i++) settle(batch[i] as Pending, answers[i]);
      },
      (error: unknown) => {
        for (const { reject } of batch) reject(error);
      },
    );
  }

  const charsOf = ({ content }: Pending): number => content.text.length;
  const addLoad = inTurnBatches<Pending>({ charsOf, send: (batch) => send(batch, false) });
  const addWrite = inTurnBatches<Pending>({ charsOf, send: (batch) => send(batch, true) });
  return (lease, content) =>
    new Promise((resolve, reject) => {
      const add = lease.notify === true ? addWrite : addLoad;
      add(runner.isCluster ? lease.tenantId : "", { lease, content, resolve, reject });
    });
}

/** The same text for all values of a turn that have the same times and no tags: the script takes it apart once. */
function metaOf({ token }: Lease, { freshMs, usableMs, tags }: EntryContent): string {
  return `${token}.${Math.ceil(freshMs)}.${Math.ceil(usableMs)}.${tags.length === 0 ? "" : tags.join(":")}`;
}

function settle({ resolve, reject }: Pending, answer: unknown): void {
  if (answer === 1 || answer === 0) resolve(answer === 1);
  else reject(new StoreError("Redis answered something else than was asked"));
}
