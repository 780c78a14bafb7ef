import { inRootContext } from "@scale/core/kit";

export interface FeedOptions {
  /** Reads the next message, as text. */
  readonly read: () => Promise<string>;
  /** Called with the error of a read. */
  readonly onError: (error: unknown) => void;
  readonly everyMs: number;
  readonly maxViewers: number;
  /** Called when the first viewer comes, and when the last one has gone. */
  readonly onActive: (isActive: boolean) => void;
}

/** Sends one message a period to every viewer, as server-sent events. It reads for all of them at once, and for none never. */
export interface Feed {
  readonly viewers: number;
  /** @returns `undefined` when there are too many viewers */
  open(): ReadableStream<Uint8Array> | undefined;
  /** Sends the next message now instead of at the end of the period. */
  refresh(): void;
  /** Ends all streams. */
  close(): void;
}

type Controller = ReadableStreamDefaultController<Uint8Array>;

/** Browsers wait so long before they connect again. */
const RETRY_MS = 2_000;

export function createFeed({ read, onError, everyMs, maxViewers, onActive }: FeedOptions): Feed {
  const viewers = new Set<Controller>();
  const encoder = new TextEncoder();
  let timer: NodeJS.Timeout | undefined;
  let isReading = false;
  let isClosed = false;

  async function tick(): Promise<void> {
    isReading = true;
    const message = encoder.encode(await messageOf(read, onError));
    isReading = false;
    for (const viewer of viewers) {
      // A viewer that is slow misses this one: the next has all of it.
      if ((viewer.desiredSize ?? 0) > 0) viewer.enqueue(message);
    }
    if (viewers.size > 0) timer = setTimeout(() => void tick(), everyMs).unref();
  }

  /** Outside of the request: the loop serves all viewers. */
  function tickNow(): void {
    clearTimeout(timer);
    if (!isReading) inRootContext(() => void tick());
  }

  function join(viewer: Controller): void {
    viewers.add(viewer);
    viewer.enqueue(encoder.encode(`retry: ${RETRY_MS}\n\n`));
    if (viewers.size === 1) onActive(true);
    tickNow();
  }

  function leave(viewer: Controller): void {
    if (!viewers.delete(viewer) || viewers.size > 0) return;
    clearTimeout(timer);
    onActive(false);
  }

  return {
    get viewers() {
      return viewers.size;
    },
    open() {
      if (isClosed || viewers.size >= maxViewers) return undefined;
      return streamFor({ join, leave });
    },
    refresh() {
      if (viewers.size > 0) tickNow();
    },
    close() {
      isClosed = true;
      for (const viewer of viewers) {
        leave(viewer);
        viewer.close();
      }
    },
  };
}

/** Stream of one viewer: it joins at the start of the stream, and leaves at its end. */
function streamFor({
  join,
  leave,
}: Record<"join" | "leave", (viewer: Controller) => void>): ReadableStream<Uint8Array> {
  let viewer: Controller | undefined;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        viewer = controller;
        join(controller);
      },
      cancel() {
        if (viewer !== undefined) leave(viewer);
      },
    },
    { highWaterMark: 3 },
  );
}

/** A failed read is a message too: the page says that its numbers are old. */
async function messageOf(read: FeedOptions["read"], onError: FeedOptions["onError"]): Promise<string> {
  try {
    return `data: ${await read()}\n\n`;
  } catch (error) {
    onError(error);
    return "event: unavailable\ndata:\n\n";
  }
}
