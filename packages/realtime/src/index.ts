export type { Admitted, ConnectRequest, Refused } from "./connection/connect.js";
export type { ConnectionLimit } from "./connection/limits.js";
export type { WhenSlow } from "./connection/slow-buffer.js";
export { Frame } from "./delivery/frame.js";
export type { Sink } from "./delivery/sink.js";
export { PayloadTooLarge, TopicError } from "./errors.js";
export {
  authorizeFail,
  type AuthorizeFailed,
  type CloseReason,
  connectionClose,
  type ConnectionClosed,
  connectionOpen,
  type ConnectionOpened,
  connectionRefuse,
  type ConnectionRefused,
  type ConnectionStart,
  eventDrop,
  eventPublish,
  type EventPublished,
  type EventsDropped,
  feedChange,
  type FeedChanged,
  historyReset,
  type HistoryReset,
  type RefuseReason,
  type ResetReason,
  storeFail,
  type StoreFailed,
} from "./events.js";
export { createHub, type DrainOptions, type Hub, type HubStats } from "./hub.js";
export { memoryHub, type MemoryHubOptions } from "./memory/hub.js";
export type { HubHistory, HubLifetime, HubLimits, HubOptions } from "./options.js";
export type { DeliveredMessage, FailedMessage, OutboxLike, OutboxMessage } from "./outbox.js";
export type { PublishOptions } from "./publish.js";
export type {
  Cursor,
  HistoryLimits,
  HubStore,
  NewEvent,
  OpenStore,
  Position,
  PresenceCount,
  ReadEvent,
  ReadRequest,
  ReadResult,
  StoredEvent,
  StoreListener,
  StoreSettings,
  Tails,
} from "./store.js";
export type { StandardSchema } from "./topics/standard-schema.js";
export { topicName } from "./topics/pattern.js";
export type { Topic, TopicData, TopicName, TopicParams, Topics } from "./topics/types.js";
export type { Principal } from "./types.js";
