import { isScaleError } from "@scale/core";
import { createDeadline, withStoreDeadline } from "@scale/core/kit";
import { z } from "zod";
import { createPause } from "../sql/pause.js";
import { type Batch, type BatchOptions, DeliveryFailure, isUnreachable, relayBatch } from "./batch.js";
import { outboxFail, outboxRefuse, outboxRelay } from "./events.js";

/** The relay's figures for one kind of message. */
export interface KindStatus {
  /** Messages that wait for their delivery; counted up to 100,000. */
  readonly pending: number;
  /** Messages that their destination refused for good. */
  readonly refused: number;
  /** Age of the oldest message that waits, in milliseconds. */
  readonly lagMs: number;
  /** Consecutive failures of this relay. */
  readonly failures: number;
}

/** Delivers the messages of one kind, batch after batch. A destination that is down holds up no other kind. */
export interface RelayLine {
  readonly kind: string;
  wake(): void;
  status(): Promise<KindStatus>;
  redrive(max: number): Promise<number>;
  close(deadlineMs: number): Promise<void>;
}

export interface LineOptions extends BatchOptions {
  readonly pollMs: number;
  readonly batchSize: number;
}

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5000;
/** For the transaction to end after its delivery was aborted. */
const ABORT_MS = 1000;

interface LineState {
  after: string;
  /** Maximum messages of the next batch: lower after a rejection, to find the message that caused it. */
  maxMessages: number;
  failures: number;
}

export function createLine(options: LineOptions): RelayLine {
  const { kind } = options;
  const state: LineState = { after: "", maxMessages: options.batchSize, failures: 0 };
  const abort = new AbortController();
  const pause = createPause();
  const line = { isClosed: false };

  async function run(): Promise<void> {
    while (!line.isClosed) {
      const pauseMs = await step(options, state, abort.signal);
      if (pauseMs > 0) await pause.wait(pauseMs);
    }
  }
  const running = run();

  return {
    kind,
    wake: () => pause.end(),
    status: () => readStatus(options, state),
    redrive: (max) => redrive(options, max),
    async close(deadlineMs) {
      line.isClosed = true;
      pause.end();
      if (await endsWithin(running, deadlineMs)) return;
      abort.abort();
      await endsWithin(running, ABORT_MS);
    },
  };
}

/** Relays one batch. Never rejects. @returns the pause before the next one, in milliseconds */
async function step(options: LineOptions, state: LineState, signal: AbortSignal): Promise<number> {
  const { kind, batchSize, pollMs } = options;
  const isFromStart = state.after === "";
  try {
    const batch = await relayBatch(options, { after: state.after, maxMessages: state.maxMessages, signal });
    state.after = batch.after;
    publish(kind, batch);
    if (batch.rejection !== undefined) return backOff(state);
    state.failures = 0;
    if (batch.messages.length === 0) return isFromStart ? pollMs : 0;
    state.maxMessages = Math.min(batchSize, state.maxMessages * 2);
    return 0;
  } catch (error) {
    if (signal.aborted) return 0;
    return onFailure(options, state, error);
  }
}

function onFailure({ kind }: LineOptions, state: LineState, error: unknown): number {
  const isDelivery = error instanceof DeliveryFailure;
  const cause = isDelivery ? error.cause : error;
  const pauseMs = backOff(state);
  outboxFail.publish(() => ({
    kind,
    messages: isDelivery ? error.messages : 0,
    failures: state.failures,
    error: cause,
  }));
  if (!isDelivery || isUnreachable(cause)) return pauseMs;
  // Each halving after a timeout would take another timeout.
  state.maxMessages = isScaleError(cause, "SCALE_TIMEOUT") ? 1 : Math.ceil(state.maxMessages / 2);
  return 0;
}

function backOff(state: LineState): number {
  const pauseMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(state.failures, 16));
  state.failures++;
  return pauseMs;
}

function publish(kind: string, { messages, refused, lagMs }: Batch): void {
  for (const { tenantId, id, permanent = false, error } of refused) {
    outboxRefuse.publish(() => ({ tenantId, id, kind, permanent, error }));
  }
  const delivered = messages.length - refused.length;
  if (delivered > 0) outboxRelay.publish(() => ({ kind, messages: delivered, lagMs }));
}

const statusRow = z.object({ pending: z.coerce.number(), refused: z.coerce.number(), lag_ms: z.coerce.number() });
const redriveRow = z.object({ moved: z.coerce.number() });

async function readStatus({ source, kind, timeoutMs }: LineOptions, { failures }: LineState): Promise<KindStatus> {
  const [row] = await ask(() => source.run(source.statements.status, [kind]), timeoutMs);
  const { lag_ms: lagMs, ...counts } = statusRow.parse(row);
  return { ...counts, lagMs, failures };
}

async function redrive({ source, kind, timeoutMs }: LineOptions, max: number): Promise<number> {
  const [row] = await ask(() => source.run(source.statements.redrive, [kind, String(max)]), timeoutMs);
  return redriveRow.parse(row).moved;
}

const ask = <T>(call: () => Promise<T>, timeoutMs: number): Promise<T> =>
  withStoreDeadline(call, createDeadline(timeoutMs), "the database of the outbox");

async function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  try {
    await createDeadline(ms)(work, "the relay");
    return true;
  } catch {
    return false; // `work` never rejects: this is the deadline.
  }
}
