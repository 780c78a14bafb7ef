import { isScaleError } from "@scale/core";
import { wasNotSent } from "@scale/core/kit";

/**
 * Where an event lies in the order of all events of its tenant: a safe integer that only grows. 0 lies before every event.
 * A position is valid in one epoch.
 */
export type Position = number;

/** A position and the history that it belongs to. */
export interface Cursor {
  /** Identity of a history, 32 hexadecimal digits. Random, secret, and new whenever events may have been lost. */
  readonly epoch: string;
  readonly position: Position;
}

export interface NewEvent {
  readonly tenantId: string;
  readonly topic: string;
  /** JSON text on one line. */
  readonly body: string;
  /** An event with the same id is appended once within `dedupeMs`. */
  readonly id?: string | undefined;
}

export interface StoredEvent extends Cursor {
  readonly tenantId: string;
  readonly topic: string;
  /**
   * Position of the topic's event before this one. A reader whose position is lower has missed an event. For the first event
   * of a topic, the newest position that an expired event of the topic can have.
   */
  readonly previous: Position;
  readonly body: string;
}

export interface ReadRequest {
  readonly tenantId: string;
  readonly topics: readonly string[];
  /** Read the events after this cursor. Without it only the newest position is read. */
  readonly after?: Cursor | undefined;
  /** Maximum number of events for each topic. */
  readonly limit: number;
  /**
   * Bytes of bodies of each topic after which a page takes no further event of it.
   * @default no bound
   */
  readonly maxBytes?: number | undefined;
  /**
   * Number of events of a topic that are taken before `maxBytes` is looked at again.
   * @default limit
   */
  readonly step?: number | undefined;
}

export interface ReadEvent {
  readonly position: Position;
  readonly topic: string;
  readonly body: string;
}

/** The newest position of the tenant, and the events after the cursor of the request. */
export interface ReadResult extends Cursor {
  /**
   * `events`: all events after the cursor, up to `upTo`. `trimmed`: events after the cursor are gone. `unknown`: the cursor
   * is of another epoch or lies after the newest position.
   */
  readonly is: "head" | "events" | "trimmed" | "unknown";
  /** In the order of their positions. */
  readonly events: readonly ReadEvent[];
  /** The events are complete up to this position. */
  readonly upTo: Position;
  /** True when there are more after `upTo`: read again. */
  readonly hasMore: boolean;
}

/** The newest position of a tenant, and the newest position of each topic: 0 for a topic without events. */
export interface Tails extends Cursor {
  readonly tails: readonly Position[];
}

export interface HistoryLimits {
  /** Events of each topic that are kept at least. */
  readonly events: number;
  /** Milliseconds after its last event for which a topic is kept. */
  readonly ttlMs: number;
}

export interface StoreListener {
  /** Called for each event of a subscribed topic, in the order of the positions of a tenant. */
  onEvent(event: StoredEvent): void;
  /** Called when events may be missing from now on. */
  onLost(): void;
  /** Called when events arrive again. Those between the two calls have to be read. */
  onRestored(): void;
}

export interface StoreSettings {
  readonly history: HistoryLimits;
  readonly listener: StoreListener;
}

/** Connections of a topic in one process. */
export interface PresenceCount {
  readonly topic: string;
  readonly count: number;
}

/** An opened store. Calls reject with StoreError or TimeoutError when the backend does not answer. */
export interface OpenStore {
  /** False when the store only appends: it was created without a connection for subscriptions. */
  readonly canSubscribe: boolean;
  /** Appends an event, and notifies the subscribers of its topic, in one atomic step. */
  append(event: NewEvent): Promise<Cursor>;
  /** Reads the newest position of the tenant and the events of the topics, in one atomic step. */
  read(request: ReadRequest): Promise<ReadResult>;
  tails(tenantId: string, topics: readonly string[]): Promise<Tails>;
  /** Resolves when events that are appended from now on reach the listener. */
  subscribe(tenantId: string, topic: string): Promise<void>;
  unsubscribe(tenantId: string, topic: string): void;
  /** Publishes the counts of this process; they are forgotten `ttlMs` later, unless they are published again. */
  setPresence(tenantId: string, counts: readonly PresenceCount[], ttlMs: number): Promise<void>;
  /** Returns the connections of a topic over all processes. */
  countPresence(tenantId: string, topic: string): Promise<number>;
  close(): void;
}

/**
 * Keeps the events of a hub, and tells every process about new ones. `describeHubStore` of `@scale/realtime/testing` is its
 * contract.
 */
export interface HubStore {
  open(settings: StoreSettings): OpenStore;
}

/** True for an error of a store that answers no call at present. */
export const isAway = (error: unknown): boolean => isScaleError(error, "SCALE_TIMEOUT") || wasNotSent(error);
