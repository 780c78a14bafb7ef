import { keySegment } from "@scale/core/kit";
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
  const settings = settingsOf(context);
  const batcher = createBatcher<Pending>({
    send: (batch) => void sendBatch(context, settings, batch),
    maxItems: MAX_BATCH,
    charsOf: ({ event }) => event.body.length,
    schedule: (flush, group) => process.nextTick(flush, group),
  });
  return (event) =>
    new Promise((resolve, reject) => {
      batcher.add(runner.isCluster ? event.tenantId : "", { event, resolve, reject });
    });
}

/** The arguments that all events of a call share. */
function settingsOf({ events, ttlMs, keepMs, sharded, afterRestart }: RedisHubContext): readonly string[] {
  const limits = [events, ttlMs, keepMs, DEDUPE_MS].map(String);
  return [...limits, sharded ? "SPUBLISH" : "PUBLISH", afterRestart, ""];
}

async function sendBatch(
  { runner, prefixOf }: RedisHubContext,
  settings: readonly string[],
  batch: readonly Pending[],
): Promise<void> {
  const keys: string[] = [];
  const args = [...settings];
  for (const { event } of batch) {
    const { topic, body, id } = event;
    // Built from one prefix: the names are those of the context, and every event pays for them.
    const prefix = prefixOf(event.tenantId);
    const [history, name] = [`${prefix}history`, keySegment(topic)];
    keys.push(history, `${prefix}topic:${name}`, `${prefix}tail:${name}`);
    keys.push(id === undefined ? history : `${prefix}id:${keySegment(id)}`);
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
