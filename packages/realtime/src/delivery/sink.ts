import type { Frame } from "./frame.js";

/** The response of one client, as an adapter opens it. */
export interface Sink {
  /** Bytes that were written and that the client's connection has not taken yet. */
  readonly pendingBytes: number;
  /** Bytes that the client's connection has taken so far. */
  readonly takenBytes: number;
  write(frame: Frame): void;
  /** Calls `listener` each time when the connection can take more after it could not. */
  onDrain(listener: () => void): void;
  /** Ends the response in order. */
  end(): void;
  /** Ends the response at once. Bytes that are pending are lost. */
  destroy(): void;
}
