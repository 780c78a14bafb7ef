/** Order of a tenant's own requests when they wait: `low` is served last and evicted first. */
export type RequestPriority = "high" | "normal" | "low";

/** The claim of a tenant on an overloaded process. */
export interface TenantShare {
  /**
   * Size of the fair share in relation to the shares of the other active tenants, above 0.
   * @default 1
   */
  readonly weight?: number;
  /**
   * Order in which tenants above their own share take the room that others leave idle: a higher number goes first.
   * @default 0
   */
  readonly priority?: number;
}

export interface AdmitRequest {
  readonly tenantId: string;
  /**
   * Units of the concurrency that the work takes, an integer from 1. A report that loads the process as ten lookups do has
   * a cost of 10.
   * @default 1
   */
  readonly cost?: number;
  /** @default "normal" */
  readonly priority?: RequestPriority;
  /**
   * Milliseconds that this request may wait for room at most, if that is less than `maxWaitMs` and than the rest of
   * `deadline.run`. 0 does not wait.
   * @default no limit of its own
   */
  readonly waitMs?: number;
  /** Ends the wait: the client has disconnected. */
  readonly signal?: AbortSignal;
}

/**
 * Why a request was refused: the tenant has more in progress and waiting than its share lets through in time (`no-room`), the
 * queue is full and this tenant has most of it (`queue-full`), the wait was over (`waited-too-long`), the caller gave up
 * (`aborted`), or the event loop is late and the tenant sends more than its share (`event-loop`).
 */
export type RefusalReason = "no-room" | "queue-full" | "waited-too-long" | "aborted" | "event-loop";

export interface Admitted {
  readonly admitted: true;
  /** Time in the queue, in milliseconds. */
  readonly waitedMs: number;
  /** Gives the room back when the work has ended. Later calls do nothing. */
  release(): void;
}

export interface Refused {
  readonly admitted: false;
  readonly reason: RefusalReason;
  /** Milliseconds for which the client should not try again: 1000. */
  readonly retryAfterMs: number;
}

export type Admission = Admitted | Refused;

/**
 * Load of a shedder: `normal` has room for every request, in `waiting` requests wait for room, and in `shedding` a request
 * was refused within the last five seconds.
 */
export type ShedLevel = "normal" | "waiting" | "shedding";

/** The state of a shedder now. */
export interface ShedStats {
  readonly level: ShedLevel;
  /** Cost that may be in progress at once. */
  readonly limit: number;
  /** Cost in progress. */
  readonly inFlight: number;
  /** Requests in the queue. */
  readonly waiting: number;
  /** Tenants with work in progress or in the queue. */
  readonly tenants: number;
  /** Greatest delay of the event loop in the last tenth of a second with requests, in milliseconds; 0 when it is not watched. */
  readonly eventLoopDelayMs: number;
  /** True while admissions are limited by their rate, because the event loop stays later than `eventLoopDelayMs`. */
  readonly isBraking: boolean;
}
