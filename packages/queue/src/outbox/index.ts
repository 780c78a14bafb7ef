export {
  type OutboxFailed,
  type OutboxRefused,
  type OutboxRelayed,
  outboxFail,
  outboxRefuse,
  outboxRelay,
} from "./events.js";
export type { KindStatus } from "./line.js";
export type { NotificationClient } from "./listener.js";
export { createOutbox, type Outbox, type OutboxOptions } from "./outbox.js";
export { createOutboxRelay, type OutboxRelay, type OutboxRelayOptions } from "./relay.js";
export type { RunStatement, SqlClient } from "../sql/client.js";
export { outboxTables, type OutboxTableOptions } from "./table.js";
export type { Deliver, OutboxMessage, RefusedMessage, RelayedMessage } from "./types.js";
