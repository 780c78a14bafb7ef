export { connect, type ConnectOptions, type EventStream, type HubData } from "./connect.js";
export type { EventSourceClass, EventSourceLike, MessageLike } from "./event-source.js";
export type { ConnectionState } from "./keep-open.js";
