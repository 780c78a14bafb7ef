import type { Cursor, Position } from "../store.js";
import { eventId } from "./event-id.js";

/** One event as bytes. It is encoded once and written to all connections. */
export class Frame {
  readonly text: string;
  readonly epoch: string;
  readonly position: Position;
  /** See `StoredEvent.previous`. */
  readonly previous: Position;
  /** True when the notification about the topic's event before this one has not come. */
  readonly isAfterGap: boolean;
  /** Key under which `whenSlow: "coalesce"` keeps it. */
  readonly coalesceKey: () => string;
  #bytes: Buffer | undefined;
  #chunk: Buffer | undefined;

  constructor(text: string, origin: FrameOrigin) {
    const { epoch, position, previous, isAfterGap = false, coalesceKey } = origin;
    this.text = text;
    this.epoch = epoch;
    this.position = position;
    this.previous = previous;
    this.isAfterGap = isAfterGap;
    this.coalesceKey = coalesceKey;
  }

  get bytes(): Buffer {
    return (this.#bytes ??= Buffer.from(this.text));
  }

  /** The bytes as a chunk of `Transfer-Encoding: chunked`. */
  get chunk(): Buffer {
    return (this.#chunk ??= Buffer.concat([
      Buffer.from(`${this.bytes.length.toString(16)}\r\n`),
      this.bytes,
      Buffer.from("\r\n"),
    ]));
  }
}

export interface FrameOrigin extends Cursor {
  readonly previous: Position;
  readonly isAfterGap?: boolean;
  readonly coalesceKey: () => string;
}

/** The frame of an event. `body` is JSON text on one line. */
export function eventFrame(body: string, origin: FrameOrigin): Frame {
  return new Frame(`id: ${eventId(origin)}\ndata: ${body}\n\n`, origin);
}

/** Frames that concern one connection and carry its position. Their names are the hub's: events of topics have none. */
export type ControlName = "ready" | "reset" | "heartbeat" | "dropped" | "revoked";

export function controlFrame(name: ControlName, cursor: Cursor, data: object = {}): Frame {
  const text = `id: ${eventId(cursor)}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
  // Keys of events are JSON, so that none is a name.
  return new Frame(text, { ...cursor, previous: cursor.position, coalesceKey: () => name });
}

/** Tells the client how long to wait before it connects again. */
export function retryFrame(retryMs: number): Frame {
  return new Frame(`retry: ${Math.round(retryMs)}\n\n`, { epoch: "", position: 0, previous: 0, coalesceKey: () => "" });
}
