import type { Socket } from "node:net";

/** Bytes that a lane buffers before it pauses the sender, as a kernel's buffers would. */
const BUFFER_BYTES = 1 << 20;
/** A slice at a limited rate lasts this long, so that bytes trickle instead of coming in lumps. */
const SLICE_MS = 10;

const END = Buffer.alloc(0);

/** The faults of a lane. Each step reads them again, so that a change takes effect at once. */
export interface LaneFaults {
  readonly latencyMs: number;
  readonly bytesPerSecond: number;
  /** Resolves when a stall ends; `undefined` while there is none. */
  readonly gate: Promise<void> | undefined;
}

export interface Admission {
  /** How much of the slice goes out; the rest is lost. */
  bytes: number;
  /** Nothing more goes out. */
  isLast: boolean;
}

export interface LaneEnds {
  from: Socket;
  to: Socket;
  /** Asked for each slice before it is sent. */
  admit(bytes: number): Admission;
  /** True while the end of the stream is swallowed too. */
  isHole(): boolean;
  /** Called after the last slice, when the kernel has it. */
  cut(): void;
}

export function openLane(ends: LaneEnds, faults: LaneFaults): void {
  const lane = new Lane(ends, faults);
  ends.from.on("data", (chunk: Buffer) => lane.arrive(chunk));
  ends.from.on("end", () => lane.arrive(END));
}

/**
 * Carries one direction of one connection. It is a queue with a due time for each chunk: latency delays bytes but does not
 * thin them out, as a pause after each chunk would.
 */
class Lane {
  readonly #ends: LaneEnds;
  readonly #faults: LaneFaults;
  readonly #queue: { chunk: Buffer; due: number }[] = [];
  #heldBytes = 0;
  #busy = false;
  #isCut = false;
  /** When the slices sent so far are through, at the limited rate. */
  #freeAt = 0;

  constructor(ends: LaneEnds, faults: LaneFaults) {
    this.#ends = ends;
    this.#faults = faults;
  }

  arrive(chunk: Buffer): void {
    this.#queue.push({ chunk, due: performance.now() + this.#faults.latencyMs });
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > BUFFER_BYTES) this.#ends.from.pause();
    if (!this.#busy) void this.#drain();
  }

  async #drain(): Promise<void> {
    const { from, to, isHole } = this.#ends;
    this.#busy = true;
    for (let item = this.#queue.shift(); item && !this.#isCut; item = this.#queue.shift()) {
      await until(item.due);
      await this.#stalled();
      if (item.chunk !== END) await this.#send(item.chunk);
      else if (!isHole()) to.end();
      this.#heldBytes -= item.chunk.length;
      if (this.#heldBytes <= BUFFER_BYTES) from.resume();
    }
    this.#busy = false;
  }

  async #send(chunk: Buffer): Promise<void> {
    const { to, admit, cut } = this.#ends;
    for (let rest = chunk; rest.length > 0 && !to.destroyed; ) {
      const slice = await this.#nextSlice(rest);
      const { bytes, isLast } = admit(slice.length);
      if (bytes > 0) await written(to, slice.subarray(0, bytes));
      if (isLast) {
        this.#isCut = true;
        cut();
        return;
      }
      rest = rest.subarray(slice.length);
    }
  }

  /** Waits until the rate and the stalls allow the next slice. */
  async #nextSlice(rest: Buffer): Promise<Buffer> {
    const rate = this.#faults.bytesPerSecond;
    const slice = rate > 0 ? rest.subarray(0, Math.max(1, (rate * SLICE_MS) / 1000)) : rest;
    if (rate > 0) {
      this.#freeAt = Math.max(performance.now(), this.#freeAt) + (slice.length / rate) * 1000;
      await until(this.#freeAt);
    }
    await this.#stalled();
    return slice;
  }

  async #stalled(): Promise<void> {
    while (this.#faults.gate) await this.#faults.gate;
  }
}

/** Resolves when the kernel has the bytes or the connection is gone. */
function written(to: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (to.destroyed) resolve();
    else to.write(bytes, () => resolve());
  });
}

async function until(time: number): Promise<void> {
  const left = time - performance.now();
  if (left > 0) await new Promise<void>((resolve) => setTimeout(resolve, Math.ceil(left)));
}
