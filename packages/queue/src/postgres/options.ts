import type { RunStatement } from "../sql/client.js";
import type { OpenQueueOptions } from "../store.js";

/** An open queue, with the means of its store. */
export interface PostgresQueueOptions extends OpenQueueOptions {
  readonly run: RunStatement;
  readonly at: (name: string) => string;
  readonly inTransaction: (tx: unknown) => RunStatement;
  readonly pollMs: number;
}
