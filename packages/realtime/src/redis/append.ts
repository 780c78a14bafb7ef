import { createBatcher } from "@scale/core/redis";
import type { Cursor, NewEvent } from "../store.js";
import { newEpoch } from "./epoch.js";
import type { RedisHubContext } from "./context.js";
import { parseCursors } from "./replies.js";
import { append as appendScript } from "./scripts.gen.js";

interface Pending {
  readonly event: NewEvent;
  readonly resolve: (cursor: Cursor) => void;
  readonly reject: (error: unknown) => void;
}

/** Events of one script call: bounds how long it blocks the server. */
const MAX_BATCH = 64;
const DEDUPE_MS = 3_600_000;

/** Appends events; those of one turn of the event loop share a script call, on a cluster those of one tenant. */
export function createAppend(context: RedisHubContext): (event: NewEvent) => Promise<Cursor> {
  const { runner } = context;
  const batcher = createBatcher<Pending>({
    send: (batch) => void sendBatch(context, batch),
    maxItems: MAX_BATCH,
    charsOf: ({ event }) => event.body.length,
    schedule: (flush, group) => process.nextTick(flush, group),
  });
  return (event) =>
    new Promise((resolve, reject) => {
      batcher.add(runner.isCluster ? event.tenantId : "", { event, resolve, reject });
    });
}

async function sendBatch(context: RedisHubContext, batch: readonly Pending[]): Promise<void> {
  const { runner, historyKey, topicKey, tailKey, idKey, events, ttlMs, keepMs, sharded, afterRestart } = context;
  const keys: string[] = [];
  const args = [String(events), String(ttlMs), String(keepMs), String(DEDUPE_MS)];
  args.push(sharded ? "SPUBLISH" : "PUBLISH", afterRestart, "");
  for (const { event } of batch) {
    const { tenantId, topic, body, id } = event;
    const history = historyKey(tenantId);
    keys.push(history, topicKey(tenantId, topic), tailKey(tenantId, topic));
    keys.push(id === undefined ? history : idKey(tenantId, id));
    args.push(newEpoch(), body, id === undefined ? "0" : "1");
  }
  try {
    const cursors = parseCursors(await runner.run(appendScript, { keys, args }), batch.length);
    for (const [index, { resolve, reject }] of batch.entries()) {
      const result = cursors[index];
      if (result instanceof Error) reject(result);
      else if (result !== undefined) resolve(result);
    }
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}
