import { controlFrame, type Frame } from "../delivery/frame.js";
import type { Cursor } from "../store.js";

/** Treatment of a client whose buffer is full: see `HubLimits.whenSlow`. */
export type WhenSlow = "disconnect" | "coalesce" | "drop";

/** Stands in for the buffer of a client that reads too slowly, until its connection can take more. */
export interface SlowBuffer {
  /** Takes a frame. False when there is no room for it, so that the connection has to end. */
  add(frame: Frame): boolean;
  /** Takes a frame of the hub, which stays after the events that came before it. The newest of each kind is kept. */
  addControl(frame: Frame): void;
  /**
   * Takes out the frames for the client, in order.
   * @param cursor position of the connection, for a frame of our own
   */
  take(cursor: Cursor): readonly Frame[];
  /** Frames that the client will never get. */
  readonly dropped: number;
}

export function createSlowBuffer(policy: Exclude<WhenSlow, "disconnect">, maxBytes: number): SlowBuffer {
  return policy === "coalesce" ? coalescing(maxBytes) : dropping();
}

/** Keeps the newest frame of each key. */
function coalescing(maxBytes: number): SlowBuffer {
  const newest = new Map<string, Frame>();
  let bytes = 0;
  let dropped = 0;
  return {
    add(frame) {
      const key = frame.coalesceKey();
      const replaced = newest.get(key);
      if (replaced !== undefined) {
        dropped++;
        bytes -= replaced.bytes.length;
        // Taken out first, so that the order of insertion stays the order of the positions.
        newest.delete(key);
      }
      newest.set(key, frame);
      bytes += frame.bytes.length;
      return bytes <= maxBytes;
    },
    addControl: (frame) => replace(newest, frame),
    take: () => [...newest.values()],
    get dropped() {
      return dropped;
    },
  };
}

/** Keeps the newest frame of each kind, in the order in which they came. */
function replace(frames: Map<string, Frame>, frame: Frame): void {
  const key = frame.coalesceKey();
  frames.delete(key);
  frames.set(key, frame);
}

/** Counts frames, and tells the client how many it did not get. */
function dropping(): SlowBuffer {
  const controls = new Map<string, Frame>();
  let dropped = 0;
  return {
    add() {
      dropped++;
      return true;
    },
    addControl: (frame) => replace(controls, frame),
    take: (cursor) => [...controls.values(), controlFrame("dropped", cursor, { events: dropped })],
    get dropped() {
      return dropped;
    },
  };
}
