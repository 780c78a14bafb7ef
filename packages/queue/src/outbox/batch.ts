import { isScaleError, StoreError } from "@scale/core";
import { createDeadline, describeValue } from "@scale/core/kit";
import { z } from "zod";
import type { RunStatement } from "../sql/client.js";
import { tenantOf } from "../sql/names.js";
import type { OutboxSource } from "./outbox.js";
import type { Deliver, RefusedMessage, RelayedMessage } from "./types.js";

/** The first wait of a message that was refused alone; it doubles with each attempt. */
const FIRST_WAIT_MS = 1000;
const MAX_WAIT_MS = 60_000;
const MAX_ERROR_LENGTH = 1000;
/** Bounds the locks that one relay holds. */
const MAX_TENANTS = 64;
/** Bounds the memory that one batch takes, besides its first message. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024;

export interface BatchOptions {
  readonly source: OutboxSource;
  readonly kind: string;
  readonly deliver: Deliver;
  readonly timeoutMs: number;
}

export interface BatchInput {
  /** Name of the last tenant of the batch before. */
  readonly after: string;
  readonly maxMessages: number;
  readonly signal: AbortSignal;
}

export interface Batch {
  readonly messages: readonly RelayedMessage[];
  /** In the order of `messages`, without those that were delivered. */
  readonly refused: readonly (RefusedMessage & { readonly tenantId: string })[];
  /** Tenant after which the next batch starts; empty at the end of the round. */
  readonly after: string;
  readonly lagMs: number;
  /** Why the destination rejected a batch of one message, which is among `refused`. */
  readonly rejection?: unknown;
}

/** The destination rejected the whole batch. */
export class DeliveryFailure extends Error {
  readonly messages: number;

  constructor(messages: number, cause: unknown) {
    super("the destination did not take the batch", { cause });
    this.messages = messages;
  }
}

const tenantRow = z.object({ tenant_id: z.string() });
const messageRow = z.object({
  seq: z.string(),
  id: z.string(),
  tenant_id: z.string(),
  tenant_full: z.string().nullable(),
  topic: z.string().nullable(),
  payload: z.string(),
  attempts: z.coerce.number(),
  written_at_ms: z.coerce.number(),
  now_ms: z.coerce.number(),
});
type MessageRow = z.infer<typeof messageRow>;

/**
 * Takes a batch, delivers it and removes it, in one transaction: its locks end with the relay's connection, so that another
 * relay goes on as soon as this one dies. Delivery comes before the removal is committed: a message is delivered again
 * rather than lost, with the id that it had.
 * @throws {DeliveryFailure} when the destination rejected the batch; the messages stay
 */
export function relayBatch(options: BatchOptions, input: BatchInput): Promise<Batch> {
  const { source, timeoutMs } = options;
  return source.transaction(async (run) => {
    // The server ends the transaction of a relay that is frozen: its tenants would wait for it.
    await run(source.statements.limits, [String(timeoutMs), String(2 * timeoutMs)]);
    const taken = await take(run, options, input);
    if (taken.rows.length === 0) return { messages: [], refused: [], after: taken.after, lagMs: 0 };
    const messages = taken.rows.map((row) => toMessage(row, options.kind));
    const { refused, rejection } = await handOver(messages, options, input.signal);
    await settle(run, { source, rows: taken.rows, refused });
    return {
      messages,
      refused: messages.flatMap(({ id, tenantId }) => {
        const refusal = refused.get(id);
        return refusal === undefined ? [] : [{ ...refusal, tenantId }];
      }),
      after: taken.after,
      lagMs: Math.max(0, ...taken.rows.map((row) => row.now_ms - row.written_at_ms)),
      rejection,
    };
  }, 4 * timeoutMs);
}

/** Rows of the next tenants in turn. */
async function take(
  run: RunStatement,
  { source, kind }: BatchOptions,
  { after, maxMessages }: BatchInput,
): Promise<{ readonly rows: readonly MessageRow[]; readonly after: string }> {
  const { takeTenants, takeMessages } = source.statements;
  const maxTenants = Math.min(MAX_TENANTS, maxMessages);
  const found = await run(takeTenants, [kind, after, String(maxTenants)]);
  const tenants = found.map((row) => tenantRow.parse(row).tenant_id);
  const next = tenants.length < maxTenants ? "" : (tenants.at(-1) ?? "");
  if (tenants.length === 0) return { rows: [], after: next };
  const perTenant = Math.ceil(maxMessages / tenants.length);
  const rows = await run(takeMessages, [kind, JSON.stringify(tenants), String(perTenant), String(MAX_BATCH_BYTES)]);
  return { rows: rows.map((row) => messageRow.parse(row)), after: next };
}

function toMessage(row: MessageRow, kind: string): RelayedMessage {
  const { id, topic, attempts, written_at_ms: writtenAtMs } = row;
  const payload: unknown = JSON.parse(row.payload);
  const tenantId = tenantOf(row.tenant_id, row.tenant_full);
  return { id, kind, tenantId, topic: topic ?? undefined, payload, writtenAtMs, attempts };
}

interface HandedOver {
  /** By id. */
  readonly refused: ReadonlyMap<string, RefusedMessage>;
  readonly rejection?: unknown;
}

/** Delivers the messages, and resolves to those that the destination refused. */
async function handOver(
  messages: readonly RelayedMessage[],
  { deliver, timeoutMs }: BatchOptions,
  stopped: AbortSignal,
): Promise<HandedOver> {
  const late = new AbortController();
  const signal = AbortSignal.any([stopped, late.signal]);
  try {
    const delivery = Promise.resolve(deliver(messages, { signal }));
    const refused = await untilAborted(createDeadline(timeoutMs)(delivery, "the destination of the outbox"), stopped);
    return { refused: new Map(refused?.map((refusal) => [refusal.id, refusal])) };
  } catch (error) {
    // A message alone that may be the cause waits by itself, so that it does not hold up the others.
    const [first] = messages;
    if (first !== undefined && messages.length === 1 && !isUnreachable(error)) {
      return { refused: new Map([[first.id, { id: first.id, error }]]), rejection: error };
    }
    throw new DeliveryFailure(messages.length, error);
  } finally {
    late.abort();
  }
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new StoreError("the relay was closed during a delivery"));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** True for an error that no message caused: a smaller batch would fail in the same way. */
export const isUnreachable = (error: unknown): boolean => isScaleError(error, "SCALE_STORE");

interface Settling {
  readonly source: OutboxSource;
  readonly rows: readonly MessageRow[];
  readonly refused: ReadonlyMap<string, RefusedMessage>;
}

async function settle(run: RunStatement, { source, rows, refused }: Settling): Promise<void> {
  const delivered = rows.filter(({ id }) => !refused.has(id)).map(({ seq }) => seq);
  const postponed = rows.flatMap(({ id, seq, attempts }) => {
    const refusal = refused.get(id);
    if (refusal === undefined) return [];
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** Math.min(attempts, 16), MAX_WAIT_MS);
    return [{ seq, wait_ms: waitMs, error: textOf(refusal.error), permanent: refusal.permanent === true }];
  });
  if (postponed.length > 0) await run(source.statements.postpone, [JSON.stringify(postponed)]);
  if (delivered.length > 0) await run(source.statements.remove, [JSON.stringify(delivered)]);
}

function textOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : describeValue(error);
  // Postgres stores neither NUL nor half of a surrogate pair.
  return text.slice(0, MAX_ERROR_LENGTH).replaceAll(/[\0\p{Surrogate}]/gu, "?");
}
