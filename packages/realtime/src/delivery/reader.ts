import { inRootContext } from "@scale/core/kit";
import type { Cursor, OpenStore, Position, ReadRequest, ReadResult } from "../store.js";
import { eventFrame, type Frame } from "./frame.js";

/** Events of a read as frames. `position` is the tenant's newest. */
export interface Page extends Cursor {
  readonly is: ReadResult["is"];
  readonly frames: readonly Frame[];
  readonly upTo: Position;
  readonly hasMore: boolean;
}

export interface Reader {
  /** @param topics sorted names */
  read(tenantId: string, topics: readonly string[], after: Cursor | undefined): Promise<Page>;
}

interface Waiting {
  readonly request: ReadRequest;
  readonly promise: Promise<Page>;
  readonly resolve: (page: Page | Promise<Page>) => void;
}

/** Reads that run at once: after an outage every connection reads, and Redis has other work too. */
const MAX_RUNNING = 32;

/** Events and bytes of one page, over all topics, and bounds for the events of one: bound how long a read blocks the store. */
const PAGE_EVENTS = 256;
const PAGE_BYTES = 256 * 1024;
const [MIN_EVENTS, MAX_EVENTS] = [2, 128];

/** The share of a page that each of its topics has. */
function pageOf(topics: number, eventBytes: number): Omit<ReadRequest, "tenantId" | "topics"> {
  const maxBytes = Math.max(1, Math.floor(PAGE_BYTES / topics));
  const limit = Math.max(MIN_EVENTS, Math.min(MAX_EVENTS, Math.floor(PAGE_EVENTS / topics)));
  return { limit, maxBytes, step: Math.max(1, Math.min(limit, Math.floor(maxBytes / eventBytes))) };
}

/**
 * Reads of connections, a bounded number at once. Connections with the same topics and position share a read and its frames.
 * Only a read that has not been sent is shared: a connection that came later may have missed events after one that was.
 * @param eventBytes maximum size of an event
 */
export function createReader(store: OpenStore, eventBytes: number): Reader {
  const waiting = new Map<string, Waiting>();
  let running = 0;

  async function run({ request, resolve }: Waiting): Promise<void> {
    running++;
    const work = store.read(request);
    resolve(work.then((result) => toPage(request.tenantId, result)));
    try {
      await work;
    } catch {
      // The connections that wait for the page get the error.
    } finally {
      running--;
      sendNext();
    }
  }

  function sendNext(): void {
    for (const [key, next] of waiting) {
      if (running >= MAX_RUNNING) return;
      waiting.delete(key);
      void run(next);
    }
  }

  return {
    read(tenantId, topics, after) {
      const key = JSON.stringify([tenantId, after?.epoch, after?.position, topics]);
      const shared = waiting.get(key);
      if (shared !== undefined) return shared.promise;
      const { promise, resolve } = newPromise();
      const request = { tenantId, topics, after, ...pageOf(topics.length, eventBytes) };
      waiting.set(key, { request, promise, resolve });
      // Later in this turn, so that all connections that a message sends here share one read.
      if (waiting.size === 1) inRootContext(() => setImmediate(sendNext));
      return promise;
    },
  };
}

function newPromise(): Pick<Waiting, "promise" | "resolve"> {
  let resolve: Waiting["resolve"] = () => undefined;
  const promise = new Promise<Page>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

function toPage(tenantId: string, { events, ...result }: ReadResult): Page {
  const { epoch } = result;
  // The read has found every event of the topics, so that each frame fits to the one before.
  const frames = events.map(({ position, topic, body }) =>
    eventFrame(body, { epoch, position, previous: 0, coalesceKey: () => `${tenantId} ${topic} ${position}` }),
  );
  return { ...result, frames };
}
