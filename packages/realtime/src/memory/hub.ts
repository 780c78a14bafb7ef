import { randomUUID } from "node:crypto";
import { type Clock, systemClock } from "@scale/core";
import { clockOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type {
  Cursor,
  HistoryLimits,
  HubStore,
  NewEvent,
  OpenStore,
  Position,
  ReadEvent,
  ReadRequest,
  ReadResult,
  StoreSettings,
} from "../store.js";
import { createMemoryTopics, type MemoryTopics } from "./topics.js";

export interface MemoryHubOptions {
  readonly clock?: Clock;
}

interface MemoryTenant {
  readonly epoch: string;
  readonly topics: MemoryTopics;
  head: Position;
  /** Events by the id that the publisher gave them, with the time at which it is forgotten. */
  readonly ids: Map<string, { readonly cursor: Cursor; readonly untilMs: number }>;
  /** By topic and process. */
  readonly presence: Map<string, Map<object, { readonly count: number; readonly untilMs: number }>>;
}

const DEDUPE_MS = 3_600_000;

const optionsSchema = z.strictObject({ clock: clockOption.default(systemClock) });

/**
 * Keeps events in this process. For tests, and for applications of one process; hubs that are given the same store share it.
 * @throws {ConfigError} that names the wrong option
 */
export function memoryHub(options: MemoryHubOptions = {}): HubStore {
  const { clock } = parseOptions(optionsSchema, options, "memoryHub");
  const tenants = new Map<string, MemoryTenant>();
  const opened = new Set<Subscriber>();
  return {
    open(settings) {
      const subscriber: Subscriber = { settings, topics: new Set() };
      opened.add(subscriber);
      return openStore({ clock, tenants, opened, subscriber });
    },
  };
}

interface Subscriber {
  readonly settings: StoreSettings;
  readonly topics: Set<string>;
}

interface MemoryState {
  readonly clock: Clock;
  readonly tenants: Map<string, MemoryTenant>;
  readonly opened: Set<Subscriber>;
  readonly subscriber: Subscriber;
}

const topicKey = (tenantId: string, topic: string): string => JSON.stringify([tenantId, topic]);

function openStore(state: MemoryState): OpenStore {
  const { opened, subscriber } = state;
  const { history } = subscriber.settings;
  return {
    canSubscribe: true,
    append: async (event) => append(state, history, event),
    read: async (request) => read(state, history, request),
    async tails(tenantId, topics) {
      const tenant = tenantOf(state, tenantId);
      tenant.head = Math.max(tenant.head, nowPosition(state));
      const tails = topics.map((topic) => tenant.topics.tail(topic));
      return { epoch: tenant.epoch, position: tenant.head, tails };
    },
    async subscribe(tenantId, topic) {
      subscriber.topics.add(topicKey(tenantId, topic));
    },
    unsubscribe: (tenantId, topic) => void subscriber.topics.delete(topicKey(tenantId, topic)),
    async setPresence(tenantId, counts, ttlMs) {
      const { presence } = tenantOf(state, tenantId);
      const untilMs = state.clock.monotonic() + ttlMs;
      for (const { topic, count } of counts) {
        const processes = presence.get(topic) ?? new Map<object, { count: number; untilMs: number }>();
        if (count > 0) presence.set(topic, processes.set(subscriber, { count, untilMs }));
        else if (processes.delete(subscriber) && processes.size === 0) presence.delete(topic);
      }
    },
    async countPresence(tenantId, topic) {
      const now = state.clock.monotonic();
      let sum = 0;
      for (const { count, untilMs } of tenantOf(state, tenantId).presence.get(topic)?.values() ?? [])
        if (untilMs > now) sum += count;
      return sum;
    },
    close: () => void opened.delete(subscriber),
  };
}

function tenantOf({ tenants, clock }: MemoryState, tenantId: string): MemoryTenant {
  const known = tenants.get(tenantId);
  if (known !== undefined) return known;
  const epoch = randomUUID().replaceAll("-", "");
  const tenant = { epoch, topics: createMemoryTopics(clock), head: 0, ids: new Map(), presence: new Map() };
  tenants.set(tenantId, tenant);
  return tenant;
}

/** Positions of a millisecond: an event is at least at the position of its time. */
const PER_MS = 1024;
const nowPosition = ({ clock }: MemoryState): Position => Math.floor(clock.now()) * PER_MS;

/** The newest position that an event of a topic without events can have had before it expired. */
const floorOf = (head: Position, now: Position, { ttlMs }: HistoryLimits): Position =>
  Math.max(0, Math.min(head, now - ttlMs * PER_MS));

/** Number of the events that a page takes of one topic. */
function pageLength(
  events: readonly { readonly body: string }[],
  { limit, maxBytes = Infinity, step = limit }: ReadRequest,
): number {
  let [count, bytes] = [0, 0];
  while (count < limit && bytes < maxBytes && count < events.length) {
    const taken = events.slice(count, Math.min(count + step, limit));
    for (const { body } of taken) bytes += Buffer.byteLength(body);
    count += taken.length;
  }
  return count;
}

function append(state: MemoryState, history: HistoryLimits, { tenantId, topic, body, id }: NewEvent): Cursor {
  const tenant = tenantOf(state, tenantId);
  const { epoch, ids } = tenant;
  const earlier = id === undefined ? undefined : findId(ids, id, state.clock.monotonic());
  if (earlier !== undefined) return earlier;
  const now = nowPosition(state);
  const position = Math.max(tenant.head + 1, now);
  const floor = floorOf(tenant.head, now, history);
  const previous = tenant.topics.append(topic, { position, body }, { floor, history });
  tenant.head = position;
  const cursor = { epoch, position };
  if (id !== undefined) ids.set(id, { cursor, untilMs: state.clock.monotonic() + DEDUPE_MS });
  const key = topicKey(tenantId, topic);
  for (const { settings, topics } of [...state.opened])
    if (topics.has(key)) settings.listener.onEvent({ tenantId, topic, epoch, position, previous, body });
  return cursor;
}

function findId(ids: MemoryTenant["ids"], id: string, now: number): Cursor | undefined {
  // In the order of their time, so that the first one that is kept ends the walk.
  for (const [known, { untilMs }] of ids) {
    if (untilMs > now) break;
    ids.delete(known);
  }
  return ids.get(id)?.cursor;
}

function read(state: MemoryState, history: HistoryLimits, request: ReadRequest): ReadResult {
  const { tenantId, topics, after } = request;
  const tenant = tenantOf(state, tenantId);
  const now = nowPosition(state);
  const floor = floorOf(tenant.head, now, history);
  tenant.head = Math.max(tenant.head, now);
  const newest = { epoch: tenant.epoch, position: tenant.head, events: [], upTo: tenant.head, hasMore: false };
  if (after === undefined) return { ...newest, is: "head" };
  if (after.epoch !== tenant.epoch || after.position > tenant.head) return { ...newest, is: "unknown" };
  const events: ReadEvent[] = [];
  let upTo = tenant.head;
  for (const topic of topics) {
    const found = tenant.topics.readAfter(topic, after.position, floor);
    if (found === undefined) return { ...newest, is: "trimmed" };
    const page = found.slice(0, pageLength(found, request));
    const last = page.at(-1);
    // The page is complete up to the last event of the topic that has more.
    if (last !== undefined && found.length > page.length) upTo = Math.min(upTo, last.position);
    events.push(...page.map((event) => ({ ...event, topic })));
  }
  const complete = events.filter(({ position }) => position <= upTo).sort((a, b) => a.position - b.position);
  return { ...newest, is: "events", events: complete, upTo, hasMore: upTo < tenant.head };
}
