import type { Frame } from "../delivery/frame.js";
import type { Sink } from "../delivery/sink.js";

export interface StreamSink extends Sink {
  readonly body: ReadableStream<Uint8Array>;
}

/** Writes to the body of a fetch `Response`. @param onCancel called once when the client has left */
export function streamSink(onCancel: () => void): StreamSink {
  const drains: (() => void)[] = [];
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let written = 0;
  let isOpen = true;
  // A stream counts what its reader has not taken. Its own mark is 1 byte, so that `pull` says that all was taken.
  const body = new ReadableStream<Uint8Array>(
    {
      start(started) {
        controller = started;
      },
      pull() {
        for (const drain of drains) drain();
      },
      cancel() {
        isOpen = false;
        onCancel();
      },
    },
    { highWaterMark: 1, size: ({ byteLength }) => byteLength },
  );
  const pendingBytes = (): number => (isOpen ? 1 - (controller?.desiredSize ?? 1) : 0);
  const close = (end: (open: ReadableStreamDefaultController<Uint8Array>) => void): void => {
    if (!isOpen || controller === undefined) return;
    isOpen = false;
    end(controller);
  };
  return {
    body,
    get pendingBytes() {
      return pendingBytes();
    },
    get takenBytes() {
      return written - pendingBytes();
    },
    write(frame: Frame) {
      if (!isOpen) return;
      written += frame.bytes.length;
      // A copy: a reader may transfer the memory of a chunk, which other clients share.
      controller?.enqueue(new Uint8Array(frame.bytes));
    },
    onDrain: (listener) => void drains.push(listener),
    end: () => close((open) => open.close()),
    // Closing leaves the bytes that are pending to the reader; an error discards them.
    destroy: () => close((open) => open.error(new Error("the client reads too slowly"))),
  };
}
