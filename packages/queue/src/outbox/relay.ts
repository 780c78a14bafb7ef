import { ConfigError } from "@scale/core";
import { describeValue, inRootContext, parseOptions, timeoutOption } from "@scale/core/kit";
import { z } from "zod";
import { type NotificationClient, startListener } from "./listener.js";
import { createLine, type KindStatus, type RelayLine } from "./line.js";
import { type Outbox, type OutboxSource, sourceOf } from "./outbox.js";
import type { Deliver } from "./types.js";

export interface OutboxRelayOptions {
  readonly outbox: Outbox<never>;
  /** For each kind of message, the function that hands it to its destination. Messages of other kinds stay. */
  readonly deliver: Readonly<Record<string, Deliver>>;
  /**
   * Pause of a relay that found nothing, in milliseconds.
   * @default 250
   */
  readonly pollMs?: number;
  /**
   * Maximum messages of one batch.
   * @default 500
   */
  readonly batchSize?: number;
  /**
   * Deadline of one delivery and of one statement, in milliseconds.
   * @default 5000
   */
  readonly timeoutMs?: number;
  /**
   * Opens a connection of its own on which the relay hears of commits, so that it need not wait for `pollMs`. The outbox must
   * have `notify`. The relay closes the connection, and polls while it has none. Not through PgBouncer in transaction mode.
   */
  readonly listen?: () => Promise<NotificationClient>;
}

/** Delivers messages of an outbox until it is closed. Any number of relays can run on the same table. */
export interface OutboxRelay {
  /** Looks for messages now, for example after a commit of this process. */
  wake(): void;
  /** Figures of each kind, read from the database. */
  status(): Promise<Readonly<Record<string, KindStatus>>>;
  /**
   * Delivers messages again that their destinations refused for good, oldest first. Resolves to their number.
   * @param max 1 to 10,000
   */
  redrive(kind: string, max: number): Promise<number>;
  /**
   * Takes no further batch, and waits for the one under way. After `deadlineMs` its delivery is aborted, and the messages
   * stay for another relay. Resolves in any case, at most a second later than that.
   */
  close(options?: { readonly deadlineMs?: number }): Promise<void>;
}

const optionsSchema = z.strictObject({
  outbox: z.custom<object>(
    (value) => typeof value === "object" && value !== null && sourceOf(value) !== undefined,
    "expected an outbox of createOutbox",
  ),
  deliver: z.record(
    z.string().min(1),
    z.custom<Deliver>((value) => typeof value === "function", "expected a function"),
  ),
  pollMs: z.number().min(1).max(60_000).default(250),
  batchSize: z.int().min(1).max(5000).default(500),
  timeoutMs: timeoutOption(5000),
  listen: z
    .custom<OutboxRelayOptions["listen"]>((value) => typeof value === "function", "expected a function")
    .optional(),
});

const CLOSE_MS = 10_000;

/**
 * Starts to deliver messages at once.
 * @throws {ConfigError} that names every wrong option
 */
export function createOutboxRelay(options: OutboxRelayOptions): OutboxRelay {
  const { outbox, deliver, listen, ...limits } = parseOptions(optionsSchema, options, "createOutboxRelay");
  const source = requireSource(outbox);
  // A relay may be created inside a request, and delivers for every tenant.
  const lines = inRootContext(() =>
    Object.entries(deliver).map(([kind, handOver]) => createLine({ source, kind, deliver: handOver, ...limits })),
  );
  const wake = (): void => {
    for (const line of lines) line.wake();
  };
  const listener = listen && inRootContext(() => startListener({ connect: listen, channel: source.channel, wake }));
  return {
    wake,
    async status() {
      const statuses = await Promise.all(lines.map(async (line) => [line.kind, await line.status()] as const));
      return Object.fromEntries(statuses);
    },
    redrive: (kind, max) => redrive(lines, kind, max),
    async close({ deadlineMs = CLOSE_MS } = {}) {
      await Promise.all([listener?.close(), ...lines.map((line) => line.close(deadlineMs))]);
    },
  };
}

function requireSource(outbox: object): OutboxSource {
  const source = sourceOf(outbox);
  if (source === undefined) throw new ConfigError("createOutboxRelay: outbox: expected an outbox of createOutbox");
  return source;
}

async function redrive(lines: readonly RelayLine[], kind: string, max: number): Promise<number> {
  if (!Number.isInteger(max) || max < 1 || max > 10_000) {
    throw new RangeError(`redrive: max: expected an integer from 1 to 10,000, got ${describeValue(max)}`);
  }
  const line = lines.find((one) => one.kind === kind);
  if (line === undefined)
    throw new RangeError(`redrive: kind: expected a kind of this relay, got ${describeValue(kind)}`);
  return line.redrive(max);
}
