import { describeValue, wrongResult } from "@scale/core/kit";
import type { Connection } from "../connection/connection.js";
import type { OpenStore, Position, StoredEvent } from "../store.js";
import type { AnyTopic, ResolvedTopic } from "../topics/registry.js";
import { eventFrame } from "./frame.js";

/** A topic with connections in this process. */
export interface LiveTopic {
  readonly name: string;
  readonly definition: AnyTopic;
  readonly connections: Set<Connection>;
  /** Resolves when the store notifies this process about the topic. */
  readonly subscribed: Promise<void>;
  /** Position of the last event that the store notified about; `undefined` before the first. */
  last: Position | undefined;
}

/** A tenant with connections in this process. */
export interface LiveTenant {
  readonly tenantId: string;
  readonly topics: Map<string, LiveTopic>;
  readonly connections: Set<Connection>;
}

/** The connections of this process, by tenant and topic. */
export interface Roster {
  readonly tenants: ReadonlyMap<string, LiveTenant>;
  /** Adds a connection, and resolves when the store notifies this process about all its topics. */
  add(connection: Connection): Promise<void>;
  remove(connection: Connection): void;
  /** Returns the epoch of a connection of the tenant, if there is one that knows it. */
  epochOf(tenantId: string): string | undefined;
  /** Delivers an event to the connections of its topic. */
  deliver(event: StoredEvent): void;
  forEach(visit: (connection: Connection) => void): void;
}

export interface RosterOptions {
  readonly store: OpenStore;
  /** Called when the number of connections of a topic has changed. */
  readonly onCount: (tenantId: string, topic: LiveTopic) => void;
}

export function createRoster({ store, onCount }: RosterOptions): Roster {
  const tenants = new Map<string, LiveTenant>();

  function topicOf(tenant: LiveTenant, { name, definition }: ResolvedTopic): LiveTopic {
    const known = tenant.topics.get(name);
    if (known !== undefined) return known;
    const subscribed = store.subscribe(tenant.tenantId, name);
    const topic: LiveTopic = { name, definition, connections: new Set(), subscribed, last: undefined };
    tenant.topics.set(name, topic);
    return topic;
  }

  function leave(tenant: LiveTenant, name: string, connection: Connection): void {
    const topic = tenant.topics.get(name);
    if (topic === undefined || !topic.connections.delete(connection)) return;
    onCount(tenant.tenantId, topic);
    if (topic.connections.size > 0) return;
    tenant.topics.delete(name);
    store.unsubscribe(tenant.tenantId, name);
  }

  return {
    tenants,
    async add(connection) {
      const { tenantId } = connection;
      const tenant = tenants.get(tenantId) ?? { tenantId, topics: new Map(), connections: new Set() };
      tenants.set(tenantId, tenant);
      tenant.connections.add(connection);
      const joined = connection.topics.map((resolved) => {
        const topic = topicOf(tenant, resolved);
        topic.connections.add(connection);
        onCount(tenantId, topic);
        return topic.subscribed;
      });
      await Promise.all(joined);
    },
    remove(connection) {
      const tenant = tenants.get(connection.tenantId);
      if (tenant === undefined || !tenant.connections.delete(connection)) return;
      for (const { name } of connection.topics) leave(tenant, name, connection);
      if (tenant.connections.size === 0) tenants.delete(tenant.tenantId);
    },
    epochOf(tenantId) {
      for (const { epoch } of tenants.get(tenantId)?.connections ?? []) if (epoch !== "") return epoch;
      return undefined;
    },
    deliver(event) {
      const topic = tenants.get(event.tenantId)?.topics.get(event.topic);
      if (topic === undefined) return;
      const { definition, last } = topic;
      topic.last = event.position;
      const isAfterGap = last !== undefined && event.previous > last;
      const frame = eventFrame(event.body, { ...event, isAfterGap, coalesceKey: () => coalesceKey(definition, event) });
      for (const connection of topic.connections) connection.deliver(frame);
    },
    forEach(visit) {
      for (const { connections } of tenants.values()) for (const connection of connections) visit(connection);
    },
  };
}

/** Key of an event. The callback runs where no caller could handle its error: then the event has a key of its own. */
function coalesceKey({ coalesce }: AnyTopic, { topic, body, position }: StoredEvent): string {
  if (coalesce === undefined) return JSON.stringify([topic]);
  try {
    const { data } = JSON.parse(body) as { data: unknown };
    const key: unknown = coalesce(data);
    if (typeof key === "string") return JSON.stringify([topic, key]);
    throw wrongResult(`createHub: topics: ${topic}: coalesce`, "a string", key);
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : new Error(describeValue(error)));
    return JSON.stringify([topic, "", position]);
  }
}
