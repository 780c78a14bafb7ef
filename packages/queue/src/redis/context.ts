import type { TimerClock } from "../store.js";
import type { IoredisConnection } from "./connection.js";
import type { RunOperation } from "./operations.js";

/** Shared by the parts of one queue. */
export interface QueueContext {
  readonly run: RunOperation;
  readonly clock: TimerClock;
  readonly keyPrefix: string;
  readonly connection: IoredisConnection;
  readonly timeoutMs: number;
  /** Opens a connection that commands may block. Its user closes it. */
  openBlocking(): IoredisConnection;
  close(): Promise<void>;
}
