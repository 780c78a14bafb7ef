import type { IncomingMessage, ServerResponse } from "node:http";
import { checkVerdict } from "../../check-verdict.js";
import { expireHold, releasedOnce, releaseHold } from "../../hold.js";
import type { Hold, ResponseEnd, Verdict } from "../../types.js";
import { closeWhenBodyStalls } from "./body-stall.js";
import { onEventStream } from "./event-stream.js";
import { onResponseEnd } from "./node-response-end.js";

/** The work of one request, and what is held for it. */
interface Work {
  readonly holds: Hold[];
  /** Pieces of work that have begun and not ended, as far as the framework tells. */
  running: number;
  /** True when the framework tells the end of the handler. */
  isTracked: boolean;
  /** True when nothing runs besides the pieces that are told. */
  hasEnded: boolean;
  /** True when no client waits for the response any more. */
  isClosed: boolean;
  readonly stopWatching: () => void;
}

const works = new WeakMap<ServerResponse, Work>();

/**
 * Holds something until the work of a request has ended: its response was sent to the end, or its client has disconnected and
 * the handler has ended. The end of a handler is known from `beginWork`; otherwise from its call of `response.end`, or from a
 * stream that it has piped into the response. Where none of these is seen, the hold is left to expire.
 * It also closes a connection whose request body does not arrive: such a request would hold its slot and do no work.
 * @internal exported for its tests
 */
export function holdUntilWorkEnds(response: ServerResponse, given: Hold): void {
  const hold = given.untilEventStream === true ? releaseAtEventStream(response, given) : given;
  const known = works.get(response);
  if (known !== undefined) {
    known.holds.push(hold);
    if (known.isClosed && !known.hasEnded) expireHold(hold);
    return settle(known);
  }
  const request: IncomingMessage | undefined = (response as Partial<ServerResponse>).req;
  const work: Work = {
    ...{ holds: [hold], running: 0, isTracked: false, hasEnded: false, isClosed: false },
    stopWatching: closeWhenBodyStalls(request),
  };
  works.set(response, work);
  try {
    onResponseEnd(response, (end) => responseEnded(response, work, end));
  } catch (error) {
    // A response that cannot be watched: its request ends here.
    work.hasEnded = true;
    settle(work);
    throw error;
  }
}

/**
 * Tells that a handler begins, for frameworks that tell when it ends.
 * @returns a function to call once at the end of the handler; `undefined` when nothing is held for the request
 */
export function beginWork(response: ServerResponse): (() => void) | undefined {
  const work = works.get(response);
  if (work === undefined) return undefined;
  work.isTracked = true;
  work.running += 1;
  return () => {
    work.running -= 1;
    if (work.isClosed) work.hasEnded = true;
    settle(work);
  };
}

/** Tells that a handler that writes to the response itself has ended, for one whose client has disconnected. */
export function endWork(response: ServerResponse): void {
  const work = works.get(response);
  if (work === undefined) return;
  work.hasEnded = true;
  settle(work);
}

/**
 * Tells that a handler runs until its promise has settled.
 * @returns the promise
 */
export function trackWork<P extends PromiseLike<unknown>>(response: ServerResponse, work: P): P {
  const end = beginWork(response);
  // The caller has the promise too, and handles its error.
  if (end !== undefined) work.then(end, end);
  return work;
}

/**
 * Runs `onEnd` of a verdict with the end of the response, and holds what the verdict holds until the work of the request has
 * ended. A reply runs no handler, so that everything is released at once.
 * @param where public function and argument, for the message: `toExpress: guard`
 * @returns the verdict
 * @throws {TypeError} for anything but an object: a guard that answers `false` means a refusal
 */
export function watchVerdict(response: ServerResponse, verdict: Verdict, where: string = "guard"): Verdict {
  const { onEnd, holds, reply } = checkVerdict(verdict, where);
  if (onEnd !== undefined) onResponseEnd(response, onEnd);
  for (const hold of holds ?? NOTHING_HELD) {
    if (reply === undefined) holdUntilWorkEnds(response, hold);
    else releaseHold(hold);
  }
  return verdict;
}

const NOTHING_HELD: readonly Hold[] = [];

function responseEnded(response: ServerResponse, work: Work, { complete }: ResponseEnd): void {
  work.isClosed = true;
  if (complete || work.isTracked || response.writableEnded || isPiped(response)) work.hasEnded = true;
  if (!work.hasEnded) {
    for (const hold of work.holds) expireHold(hold);
    onEndCall(response, () => {
      work.hasEnded = true;
      settle(work);
    });
  }
  settle(work);
}

function settle(work: Work): void {
  if (!work.isClosed || !work.hasEnded || work.running > 0) return;
  work.stopWatching();
  for (const hold of work.holds.splice(0)) releaseHold(hold);
}

/** Releases a hold when the response begins as a stream of events, or else with the work. */
function releaseAtEventStream(response: ServerResponse, hold: Hold): Hold {
  const once = releasedOnce(hold);
  onEventStream(response, () => releaseHold(once));
  return once;
}

/** True while a stream is piped into the response: without its consumer it produces nothing more. */
const isPiped = (response: Partial<ServerResponse>): boolean => (response.listenerCount?.("unpipe") ?? 0) > 0;

/** Calls back when the handler ends a response whose client has disconnected. It emits no event for that. */
function onEndCall(response: ServerResponse, ended: () => void): void {
  const { end }: Partial<ServerResponse> = response;
  // The response of a serverless runtime may be another object: its handler is not seen.
  if (end === undefined) return ended();
  const watched: typeof response.end = (...args: unknown[]) => {
    ended();
    return Reflect.apply(end, response, args) as ServerResponse;
  };
  response.end = watched;
}
