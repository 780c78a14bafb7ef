export { connect, type ConnectOptions, type ConnectionState, type EventStream, type HubData } from "./connect.js";
export type { EventSourceClass, EventSourceLike, MessageLike } from "./event-source.js";
