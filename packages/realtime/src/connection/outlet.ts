import type { Frame } from "../delivery/frame.js";
import type { Sink } from "../delivery/sink.js";
import { eventDrop } from "../events.js";
import type { Cursor } from "../store.js";
import { createSlowBuffer, type SlowBuffer, type WhenSlow } from "./slow-buffer.js";

export interface OutletOptions {
  readonly tenantId: string;
  readonly bufferBytes: number;
  readonly whenSlow: WhenSlow;
  /** Position of the connection. */
  readonly cursor: Cursor;
}

const MAX_STALLED_BEATS = 2;

/** Writes to one client, and bounds the bytes that wait for it. */
export class Outlet {
  readonly #sink: Sink;
  readonly #options: OutletOptions;
  #slow: SlowBuffer | undefined;
  #drained: (() => void) | undefined;
  #takenBytes = 0;
  /** Heartbeats since the client took the last byte of those that wait for it. */
  #stalledBeats = 0;

  constructor(sink: Sink, options: OutletOptions) {
    this.#sink = sink;
    this.#options = options;
    sink.onDrain(() => this.#onDrain());
  }

  get pendingBytes(): number {
    return this.#sink.pendingBytes;
  }

  /** Writes an event as the policy for slow clients says. @returns false when the connection has to end */
  write(frame: Frame): boolean {
    if (this.#slow === undefined) {
      if (this.#hasRoom(frame)) {
        this.#sink.write(frame);
        return true;
      }
      const { whenSlow, bufferBytes } = this.#options;
      if (whenSlow === "disconnect") return false;
      this.#slow = createSlowBuffer(whenSlow, bufferBytes);
    }
    return this.#slow.add(frame);
  }

  /** Writes a frame of the hub, whatever waits for the client. Its id must not overtake events that are kept back. */
  writeControl(frame: Frame): void {
    if (this.#slow === undefined) this.#sink.write(frame);
    else this.#slow.addControl(frame);
  }

  /** Writes an event as soon as the client has room for it, unless `isOver` is true by then. */
  async writeInTurn(frame: Frame, isOver: () => boolean): Promise<void> {
    while (!isOver() && !(this.#slow === undefined && this.#hasRoom(frame))) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    if (!isOver()) this.#sink.write(frame);
  }

  /** Writes a heartbeat. @returns false for a client that took nothing of its bytes in two of them */
  beat(frameOf: (cursor: Cursor) => Frame): boolean {
    const { takenBytes, pendingBytes } = this.#sink;
    this.#stalledBeats = pendingBytes > 0 && takenBytes === this.#takenBytes ? this.#stalledBeats + 1 : 0;
    this.#takenBytes = takenBytes;
    if (this.#stalledBeats >= MAX_STALLED_BEATS) return false;
    // While frames are kept back, the position is ahead of the client.
    if (pendingBytes === 0 && this.#slow === undefined) this.#sink.write(frameOf(this.#options.cursor));
    return true;
  }

  end(how: "end" | "destroy"): void {
    if (how === "end") this.#releaseSlow();
    this.#sink[how]();
    this.#drained?.();
  }

  /** Wakes a write that waits for its turn. */
  wake(): void {
    this.#drained?.();
  }

  #hasRoom({ bytes }: Frame): boolean {
    return this.#sink.pendingBytes + bytes.length <= this.#options.bufferBytes;
  }

  #onDrain(): void {
    this.#drained?.();
    this.#releaseSlow();
  }

  /** Writes what was kept back. */
  #releaseSlow(): void {
    const slow = this.#slow;
    if (slow === undefined) return;
    this.#slow = undefined;
    const { tenantId, cursor } = this.#options;
    for (const frame of slow.take(cursor)) this.#sink.write(frame);
    if (slow.dropped > 0) eventDrop.publish(() => ({ tenantId, count: slow.dropped }));
  }
}
