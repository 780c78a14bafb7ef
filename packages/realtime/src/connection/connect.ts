import { type Clock, ConfigError, tenancy } from "@scale/core";
import { withDeadline, wrongResult } from "@scale/core/kit";
import { positionOfId } from "../delivery/event-id.js";
import type { Page, Reader } from "../delivery/reader.js";
import type { Roster } from "../delivery/roster.js";
import type { Sink } from "../delivery/sink.js";
import { TopicError } from "../errors.js";
import { connectionOpen, connectionRefuse, type RefuseReason } from "../events.js";
import type { ResolvedTopic, TopicRegistry } from "../topics/registry.js";
import type { Principal } from "../types.js";
import { Connection, type ConnectionHost } from "./connection.js";
import type { SeatHolder, Seats } from "./limits.js";
import { startOf } from "./start.js";

export interface ConnectRequest<P extends Principal = Principal> {
  readonly principal: P;
  /** Names of topics, at least one. */
  readonly topics: readonly string[];
  /** Id of the last event that the client has got. */
  readonly lastEventId?: string | undefined;
}

/** A connection that was admitted. Call `start` or `leave`, or both. */
export interface Admitted {
  readonly admitted: true;
  /** Writes to the client from now on. */
  start(sink: Sink): void;
  /** The client has left. */
  leave(): void;
}

export interface Refused {
  readonly admitted: false;
  readonly reason: RefuseReason;
}

export interface ConnectorOptions {
  readonly host: ConnectionHost;
  readonly registry: TopicRegistry;
  readonly seats: Seats;
  readonly roster: Roster;
  readonly reader: Reader;
  readonly maxTopics: number;
  /** False for a store without notifications. */
  readonly canSubscribe: boolean;
  readonly isDraining: () => boolean;
  /** Number of calls of `hub.recheck` so far. */
  readonly rechecks: () => number;
  readonly clock: Clock;
  /** Called for a connection that was admitted, before it starts. */
  readonly onOpen: (connection: Connection) => void;
}

/**
 * Admits connections: limits, then rights, then the first read. All three come before the response begins, so that each of
 * them can still be answered with an error.
 */
export function createConnector(options: ConnectorOptions): (request: ConnectRequest) => Promise<Admitted | Refused> {
  const { host, registry, seats, roster, maxTopics, isDraining, rechecks, clock, onOpen } = options;

  function refuse({ tenantId, userId }: SeatHolder, reason: RefuseReason): Refused {
    connectionRefuse.publish(() => ({ tenantId, userId, reason }));
    return { admitted: false, reason };
  }

  /** Opens a connection whose rights were checked: it is listed from here on, and gives its seat back when it ends. */
  async function open({ connection, lastEventId, rechecksBefore }: Opening): Promise<Admitted | Refused> {
    try {
      await roster.add(connection);
      const first = await firstPage(options, connection, lastEventId);
      // A call of `hub.recheck` while the rights were checked did not find this connection.
      if (rechecks() !== rechecksBefore && (await deniedTopics(connection)).length > 0) connection.end("revoked");
      // Also by `drain`, `close` or `recheck`, while it was read.
      if (connection.isEnded) return refuse(connection, isDraining() ? "draining" : "forbidden");
      onOpen(connection);
      publishOpen(connection, first);
      return {
        admitted: true,
        start: (sink) => connection.start(sink, first),
        leave: () => connection.end("client"),
      };
    } catch (error) {
      connection.end("client");
      throw error;
    }
  }

  return async ({ principal, topics: names, lastEventId = "" }) => {
    if (!options.canSubscribe)
      throw new ConfigError(
        "connect: expected a store with a connection for subscriptions; pass subscriber to redisHub",
      );
    checkPrincipal(principal);
    const topics = resolveTopics(registry, names, maxTopics);
    if (isDraining()) return refuse(principal, "draining");
    if (principal.expiresAtMs !== undefined && principal.expiresAtMs <= clock.now())
      return refuse(principal, "expired");
    const connection = new Connection(host, { principal, topics, openedAt: clock.monotonic() });
    const full = await seats.take(connection);
    if (full !== undefined) return refuse(principal, full);
    let isOpen = false;
    try {
      const rechecksBefore = rechecks();
      const denied = await deniedTopics(connection);
      if (denied.length > 0) return refuse(principal, "forbidden");
      if (isDraining()) return refuse(principal, "draining");
      // From here on the end of the connection gives the seat back.
      isOpen = true;
      return await open({ connection, lastEventId, rechecksBefore });
    } finally {
      if (!isOpen) seats.release(connection);
    }
  };
}

interface Opening {
  readonly connection: Connection;
  readonly lastEventId: string;
  readonly rechecksBefore: number;
}

/** @throws {TenantError | TypeError} for a principal that names no tenant, or that would never expire by mistake */
function checkPrincipal({ tenantId, userId, expiresAtMs }: Principal): void {
  tenancy.run({ tenantId, ...(userId !== undefined && { userId }) }, () => undefined);
  if (expiresAtMs !== undefined && !Number.isFinite(expiresAtMs))
    throw wrongResult("principal: expiresAtMs", "a time in milliseconds since the epoch", expiresAtMs);
}

function resolveTopics(registry: TopicRegistry, names: readonly string[], maxTopics: number): ResolvedTopic[] {
  const unique = new Set(names);
  if (unique.size === 0 || unique.size > maxTopics)
    throw new TopicError(`topics: expected 1 to ${maxTopics} topics, got ${unique.size}`);
  return [...unique].map((name) => registry.resolve(name));
}

/** Deadline of the checks of rights: a check that hangs must not keep a right that has ended. */
const CHECK_MS = 10_000;

/**
 * Names of the topics that the principal may not receive. Checks run in the context of the principal.
 * @throws {TimeoutError} when `authorize` takes longer than ten seconds
 */
export async function deniedTopics({ principal, tenantId, userId, topics }: Connection): Promise<string[]> {
  const checks = tenancy.run({ tenantId, ...(userId !== undefined && { userId }) }, () =>
    Promise.all(topics.map(async (topic) => topic.authorize(principal))),
  );
  const answers = await withDeadline(checks, CHECK_MS, "the check of a right (authorize)");
  return topics.filter((_, i) => answers[i] !== true).map(({ name }) => name);
}

/** Reads the first page of a connection: after the client's id, or the newest position only. */
async function firstPage(
  { reader, roster }: ConnectorOptions,
  connection: Connection,
  lastEventId: string,
): Promise<Page> {
  const { tenantId, names } = connection;
  const readAfter = (epoch: string): Promise<Page> | undefined => {
    const position = positionOfId(epoch, lastEventId);
    if (position === undefined) return undefined;
    connection.epoch = epoch;
    connection.position = position;
    return reader.read(tenantId, names, { epoch, position });
  };
  // Another connection of the tenant mostly knows the epoch, which saves a call.
  const known = lastEventId === "" ? undefined : roster.epochOf(tenantId);
  const page = known === undefined ? undefined : await readAfter(known);
  if (page !== undefined && page.epoch === known) return page;
  const newest = await reader.read(tenantId, names, undefined);
  if (lastEventId === "") return newest;
  return (await readAfter(newest.epoch)) ?? { ...newest, is: "unknown" };
}

function publishOpen({ tenantId, userId, names }: Connection, first: Page): void {
  connectionOpen.publish(() => ({ tenantId, userId, topics: names, start: startOf(first) }));
}
