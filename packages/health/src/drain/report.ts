export interface ResourceReport {
  readonly name: string;
  readonly outcome: "closed" | "failed" | "timed-out";
  readonly durationMs: number;
  /** Error of a resource that failed. Credentials are masked. */
  readonly output?: string;
}

export interface DrainReport {
  readonly reason: string;
  readonly durationMs: number;
  /** Requests that were cut off at the deadline. */
  readonly requestsAborted: number;
  /** Streams of server-sent events and upgraded connections that were ended. Their clients connect again elsewhere. */
  readonly streamsEnded: number;
  /** In the order in which they were closed. */
  readonly resources: readonly ResourceReport[];
  /** True when no request was cut off and every resource was closed. */
  readonly isClean: boolean;
}
