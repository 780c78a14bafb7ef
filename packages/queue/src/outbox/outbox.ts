import { randomUUID } from "node:crypto";
import { InputError } from "@scale/core";
import { describeValue, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { PayloadTooLarge } from "../errors.js";
import type { RunStatement, SqlClient } from "../sql/client.js";
import { storableText, tenantColumns } from "../sql/names.js";
import { outboxStatements, type OutboxStatements } from "./statements.js";
import { outboxTable, type OutboxTableOptions } from "./table.js";
import type { OutboxMessage } from "./types.js";

export interface OutboxOptions<Tx> extends OutboxTableOptions {
  /** The application's client: `pgClient(pool)`, `drizzleClient(db)` or `prismaClient(prisma)`. */
  readonly client: SqlClient<Tx>;
  /**
   * Notifies relays that `listen` when a transaction with messages commits. Postgres lets such commits pass one at a time:
   * leave it off where many transactions write messages each second.
   * @default false
   */
  readonly notify?: boolean;
}

/** Messages that the application writes in its transactions. `createOutboxRelay` delivers them after the commit. */
export interface Outbox<Tx> {
  /**
   * Writes a message in the transaction, and resolves to its id.
   * @throws {InputError} for a message that cannot be stored unchanged
   * @throws {PayloadTooLarge} for more than 1 MiB of JSON
   * @throws the client's own error when the statement fails; the transaction can then only roll back
   */
  write(tx: Tx, message: OutboxMessage): Promise<string>;
  /** Writes several messages with one statement; they keep their order. */
  writeMany(tx: Tx, messages: readonly OutboxMessage[]): Promise<readonly string[]>;
}

/** The statements and the connection that a relay uses. */
export interface OutboxSource {
  readonly statements: OutboxStatements;
  /** Channel that a commit notifies. */
  readonly channel: string;
  readonly run: RunStatement;
  transaction<T>(work: (run: RunStatement) => Promise<T>, timeoutMs: number): Promise<T>;
}

/** The part of an outbox that a relay uses. Kept beside it, so that applications see two methods. */
const sources = new WeakMap<object, OutboxSource>();

export function sourceOf(outbox: object): OutboxSource | undefined {
  return sources.get(outbox);
}

const MAX_BYTES = 1_048_576;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const optionsSchema = z.strictObject({
  client: z.custom<object>(
    (value) => typeof value === "object" && value !== null && "inTransaction" in value && "transaction" in value,
    "expected a client such as pgClient(pool)",
  ),
  schema: z.string().optional(),
  table: z.string().optional(),
  notify: z.boolean().default(false),
});

/** @throws {ConfigError} that names every wrong option */
export function createOutbox<Tx>(options: OutboxOptions<Tx>): Outbox<Tx> {
  const { notify } = parseOptions(optionsSchema, options, "createOutbox");
  const { client } = options;
  const table = outboxTable(options);
  const statements = outboxStatements(table);
  const channel = "scale_outbox";

  async function writeMany(tx: Tx, messages: readonly OutboxMessage[]): Promise<readonly string[]> {
    const run = client.inTransaction(tx);
    const rows = messages.map(toRow);
    if (rows.length > 0) {
      const list = JSON.stringify(rows);
      await (notify ? run(statements.writeAndNotify, [list, channel]) : run(statements.write, [list]));
    }
    return rows.map(({ id }) => id);
  }

  const outbox: Outbox<Tx> = {
    writeMany,
    async write(tx, message) {
      const [id] = await writeMany(tx, [message]);
      return id ?? "";
    },
  };
  sources.set(outbox, {
    statements,
    channel,
    run: client.run,
    transaction: (work, timeoutMs) => client.transaction(work, timeoutMs),
  });
  return outbox;
}

interface MessageRow {
  readonly n: number;
  readonly id: string;
  readonly kind: string;
  readonly tenant_id: string;
  readonly tenant_full: string | null;
  readonly topic: string | undefined;
  readonly payload: string;
}

function toRow({ id = randomUUID(), kind, tenantId, topic, payload }: OutboxMessage, n: number): MessageRow {
  if (!UUID.test(id)) throw new InputError(`outbox: id: expected a UUID, got ${describeValue(id)}`);
  // Typed as a string, but undefined for a value that JSON has no text for.
  const text: unknown = JSON.stringify(payload);
  if (typeof text !== "string") {
    throw new InputError(`outbox: payload: expected a JSON value, got ${describeValue(payload)}`);
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_BYTES) throw new PayloadTooLarge(kind, bytes, MAX_BYTES);
  const tenant = tenantColumns(tenantId);
  return {
    n,
    id,
    kind: storableText(kind, "outbox: kind"),
    tenant_id: tenant.key,
    tenant_full: tenant.full,
    topic: topic === undefined ? undefined : storableText(topic, "outbox: topic"),
    payload: text,
  };
}
