import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";
import type { Problem } from "./summary/types.js";

export interface RequestEnded {
  /** `undefined` for a request without a tenant. */
  readonly tenantId: string | undefined;
  readonly method: string;
  /** Pattern of the route, never the path of the request. */
  readonly route: string;
  /** Status that was sent; `undefined` when the client disconnected before one was. */
  readonly status: number | undefined;
  readonly durationMs: number;
}

/** Published when the response to a request has ended, by `metricsMiddleware` and its siblings. */
export const requestEnd: EventChannel<RequestEnded> = defineEvent("scale:metrics:request-end");

/** Published when a tenant begins to have a problem. */
export const problemStart: EventChannel<Problem> = defineEvent("scale:metrics:problem-start");

/** Published when the problem of a tenant is over. */
export const problemEnd: EventChannel<Problem> = defineEvent("scale:metrics:problem-end");

export interface SinkFailed {
  readonly sink: string;
  readonly error: unknown;
}

/** Published when a sink could not send, or a rollup could not be written. The metrics themselves are not affected. */
export const sinkFail: EventChannel<SinkFailed> = defineEvent("scale:metrics:sink-fail");

export interface FeedFailed {
  /** Channel or collector whose reading failed. */
  readonly source: string;
  readonly error: unknown;
}

/** Published when an event or a collector could not be read. It is left out, and its publisher does not notice. */
export const feedFail: EventChannel<FeedFailed> = defineEvent("scale:metrics:feed-fail");
