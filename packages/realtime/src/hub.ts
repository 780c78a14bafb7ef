import { ConfigError, type Duration, tenancy } from "@scale/core";
import { parseDuration, parseTenantId, withDeadline } from "@scale/core/kit";
import { type Admitted, type ConnectRequest, createConnector, type Refused } from "./connection/connect.js";
import type { Connection, ConnectionHost } from "./connection/connection.js";
import { drainConnections } from "./connection/drain.js";
import { readNext, readUntilAnswered } from "./connection/host.js";
import { createSeats, type Seats } from "./connection/limits.js";
import { createMaintenance } from "./connection/maintenance.js";
import { pollConnections } from "./delivery/poll.js";
import { createPresence } from "./delivery/presence.js";
import { createReader } from "./delivery/reader.js";
import { createRoster, type Roster } from "./delivery/roster.js";
import { createUpkeep } from "./delivery/upkeep.js";
import { createVerifier } from "./delivery/verify.js";
import { connectionClose, feedChange } from "./events.js";
import { type HubOptions, parseHubOptions, type ParsedHubOptions } from "./options.js";
import type { DeliveredMessage, FailedMessage } from "./outbox.js";
import { createPublisher, type Publisher, type PublishOptions } from "./publish.js";
import type { OpenStore, StoreListener } from "./store.js";
import { createTopicRegistry, type TopicRegistry } from "./topics/registry.js";
import type { TopicData, TopicName } from "./topics/types.js";
import type { Principal } from "./types.js";

/** Publishes events to topics, and streams them to the connected clients of all processes. */
export interface Hub<Data, P extends Principal = Principal, Tx = never> {
  /**
   * Publishes an event. Resolves when the store has it: every client of the topic then gets it, or a reset.
   * @throws {TopicError} for a name that no definition matches
   * @throws {InputError} for data that the schema refuses, or that JSON would change
   * @throws {PayloadTooLarge} for an event larger than `limits.event`
   * @throws {StoreError} when the store has not got the event
   * @throws {TimeoutError} when the store did not answer: the event may be published; repeat the call with the same `id`
   */
  publish<Name extends TopicName<keyof Data & string>>(
    topic: Name,
    data: NoInfer<TopicData<Data, Name>>,
    options?: PublishOptions,
  ): Promise<void>;
  /** Publishes in a transaction, through the outbox: the event follows the commit, and a rollback discards it. */
  in(tx: Tx): Pick<Hub<Data, P, Tx>, "publish">;
  /**
   * Publishes messages of the outbox: the relay calls it. Deliveries of one message are published once.
   * @returns the messages that were not published
   */
  deliver(
    messages: readonly DeliveredMessage[],
    info?: { readonly signal?: AbortSignal },
  ): Promise<readonly FailedMessage[]>;
  /**
   * Admits a client, or refuses it. The adapters of `./express` and `./fetch` call it.
   * @throws {TopicError} for topics that no definition matches
   * @throws {StoreError | TimeoutError} when the store does not answer
   */
  connect(request: ConnectRequest<P>): Promise<Admitted | Refused>;
  /**
   * Returns the connections of a topic over all processes, at most a second old. A process that died is counted for up to 30
   * seconds. Only for topics with `presence: true`.
   */
  presence(topic: TopicName<keyof Data & string>, options?: { readonly tenantId?: string }): Promise<number>;
  /** Checks the rights of connections of this process now: of a tenant, or of one user of it. */
  recheck(subject: { readonly tenantId: string; readonly userId?: string }): Promise<void>;
  stats(): HubStats;
  /**
   * Refuses new connections and ends the open ones, each with another time to wait before it connects again: `retry` plus up
   * to `spread`. Resolves at the deadline at the latest.
   */
  drain(options?: DrainOptions): Promise<void>;
  /** Ends all connections at once, and stops the hub. The clients of the store stay open. */
  close(): void;
}

export interface DrainOptions {
  /** @default "10s" */
  readonly deadline?: Duration;
  /** @default "10s" */
  readonly spread?: Duration;
}

/** The state of this process. */
export interface HubStats {
  readonly connections: number;
  readonly tenants: number;
  readonly topics: number;
  /** False while notifications of the store may be missing. */
  readonly isLive: boolean;
}

/**
 * Creates a hub. One hub serves all tenants of a process.
 * @throws {ConfigError} that names every wrong option
 */
export function createHub<Data extends object, P extends Principal = Principal, Tx = never>(
  options: HubOptions<Data, P, Tx>,
): Hub<Data, P, Tx> {
  const parsed = parseHubOptions(options);
  const { limits, clock, outbox } = parsed;
  const registry = createTopicRegistry(parsed.topics);
  const core = createCore(parsed, registry);
  const publisher = createPublisher({ store: core.store, registry, maxBytes: limits.eventBytes, outbox, clock });
  return { ...publishMethods<Data, P, Tx>(publisher), ...connectionMethods(core, registry, parsed) };
}

interface Core {
  readonly store: OpenStore;
  readonly seats: Seats;
  readonly roster: Roster;
  readonly recheck: (connection: Connection) => Promise<void>;
  readonly isLive: () => boolean;
  readonly connect: ReturnType<typeof createConnector>;
  readonly state: { isDraining: boolean; rechecks: number };
  readonly clearPresence: () => Promise<void>;
  stop(): void;
}

function createCore(parsed: ParsedHubOptions, registry: TopicRegistry): Core {
  const { history, limits, clock, retryMs } = parsed;
  const feed = { isLive: true };
  const state = { isDraining: false, rechecks: 0 };
  const isLive = (): boolean => feed.isLive;
  const listener: StoreListener = {
    onEvent: (event) => roster.deliver(event),
    onLost() {
      if (!feed.isLive) return;
      feed.isLive = false;
      roster.forEach((connection) => connection.pause());
      feedChange.publish(() => ({ state: "lost" }));
    },
    onRestored() {
      if (feed.isLive) return;
      feed.isLive = true;
      roster.forEach((connection) => connection.catchUp());
      feedChange.publish(() => ({ state: "restored" }));
    },
  };
  const store = parsed.store.open({ history, listener });
  const presence = createPresence(store, () => roster);
  const roster: Roster = createRoster({ store, onCount: presence.onCount });
  const reader = createReader(store, limits.eventBytes);
  const seats = createSeats({ ...limits, plans: parsed.plans });
  const verifier = createVerifier(store, roster);
  const { onTick } = createUpkeep({ verifier, presence, clock, isLive, poll: () => pollConnections(roster) });
  const maintenance = createMaintenance({ ...parsed, onTick });
  const host: ConnectionHost = {
    ...{ bufferBytes: limits.bufferBytes, whenSlow: limits.whenSlow, retryMs, isLive },
    read: (connection) => readUntilAnswered(reader, connection, isLive),
    readOnce: (connection) => readNext(reader, connection),
    onEnd(connection, reason) {
      const { tenantId, userId } = connection;
      roster.remove(connection);
      maintenance.remove(connection);
      seats.release(connection);
      if (!connection.wasAdmitted) return;
      const durationMs = clock.monotonic() - connection.openedAt;
      connectionClose.publish(() => ({ tenantId, userId, reason, durationMs }));
    },
  };
  const connect = createConnector({
    ...{ host, registry, seats, roster, reader, clock, maxTopics: limits.topics },
    canSubscribe: store.canSubscribe,
    isDraining: () => state.isDraining,
    rechecks: () => state.rechecks,
    onOpen(connection) {
      connection.wasAdmitted = true;
      maintenance.add(connection);
    },
  });
  const { recheck } = maintenance;
  const stop = (): void => {
    maintenance.stop();
    store.close();
  };
  return { store, seats, roster, recheck, isLive, connect, state, clearPresence: () => presence.clear(), stop };
}

function publishMethods<Data, P extends Principal, Tx>(
  publisher: Publisher,
): Pick<Hub<Data, P, Tx>, "publish" | "in" | "deliver"> {
  return {
    publish: (topic, data, options) => publisher.publish(topic, data, options),
    in: (tx) => ({ publish: (topic, data, options) => publisher.publishIn(tx, { topic, data, options }) }),
    deliver: (messages, info) => publisher.deliver(messages, info?.signal),
  };
}

type ConnectionMethods = Omit<Hub<never>, "publish" | "in" | "deliver">;

function connectionMethods(core: Core, registry: TopicRegistry, { retryMs }: ParsedHubOptions): ConnectionMethods {
  const { store, seats, roster, recheck, isLive, connect, state, clearPresence, stop } = core;
  const all = (): Connection[] => {
    const connections: Connection[] = [];
    roster.forEach((connection) => connections.push(connection));
    return connections;
  };
  return {
    connect,
    async presence(topic, { tenantId = tenancy.require().tenantId } = {}) {
      const { name, definition } = registry.resolve(topic);
      if (definition.presence !== true)
        throw new ConfigError(`presence: expected a topic with presence: true, got ${JSON.stringify(name)}`);
      return store.countPresence(parseTenantId(tenantId), name);
    },
    async recheck({ tenantId, userId }) {
      state.rechecks++;
      const connections = [...(roster.tenants.get(tenantId)?.connections ?? [])];
      await Promise.all(connections.filter((each) => userId === undefined || each.userId === userId).map(recheck));
    },
    stats() {
      let topics = 0;
      for (const tenant of roster.tenants.values()) topics += tenant.topics.size;
      return { connections: seats.count, tenants: roster.tenants.size, topics, isLive: isLive() };
    },
    async drain({ deadline = 10_000, spread = 10_000 } = {}) {
      const times = { deadlineMs: parseDuration(deadline), spreadMs: parseDuration(spread), retryMs };
      state.isDraining = true;
      // A store that does not answer must not keep the process.
      const clearing = withDeadline(clearPresence(), times.deadlineMs, "the removal of presence").catch(
        () => undefined,
      );
      await Promise.all([drainConnections(all(), times), clearing]);
    },
    close() {
      state.isDraining = true;
      for (const connection of all()) {
        connection.end("close");
        connection.destroy();
      }
      stop();
    },
  };
}
