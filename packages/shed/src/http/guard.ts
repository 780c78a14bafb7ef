import { ConfigError, tenancy } from "@scale/core";
import { booleanResult, checkedCallback, describeValue, functionOption, parseOptions } from "@scale/core/kit";
import { type Hold, type HttpFacts, type HttpGuard, problem, type Reply } from "@scale/http";
import { z } from "zod";
import { OVERLOAD_PROBLEM } from "../errors.js";
import type { Shedder } from "../shedder.js";
import type { Admitted, Refused, RequestPriority } from "../types.js";
import { boundedProbes } from "./exempt.js";

export interface ShedGuardOptions {
  /**
   * Tenant that a request is counted for.
   * @default the tenant of `tenancy.require()`
   */
  readonly tenant?: (facts: HttpFacts) => string | Promise<string>;
  /**
   * Cost of a request: see `AdmitRequest.cost`.
   * @default 1
   */
  readonly cost?: number | ((facts: HttpFacts) => number | Promise<number>);
  /** @default "normal" */
  readonly priority?: RequestPriority | ((facts: HttpFacts) => RequestPriority | Promise<RequestPriority>);
  /**
   * Milliseconds that the client has, if that is less than `maxWaitMs` of the shedder and the deadline of the current work.
   * @default no limit of its own
   */
  readonly waitMs?: (facts: HttpFacts) => number | Promise<number>;
  /**
   * Predicate for requests that are neither counted nor refused. Clients choose their requests: exempt only those whose handlers
   * do no work. Streams of server-sent events need none: they give their room back when the stream begins.
   * @default isProbe, for 100 requests a second; further ones are counted
   */
  readonly exempt?: (facts: HttpFacts) => boolean | Promise<boolean>;
}

const callback = <T>(expected?: string) => functionOption<(facts: HttpFacts) => T | Promise<T>>(expected);

const optionsSchema = z.strictObject({
  tenant: callback<string>().default(() => () => tenancy.require().tenantId),
  cost: z.union([z.int().min(1), callback<number>("a number or a function")]).default(1),
  priority: z
    .union([z.enum(["high", "normal", "low"]), callback<RequestPriority>("a priority or a function")])
    .default("normal"),
  waitMs: callback<number>().optional(),
  exempt: callback<boolean>().default(() => boundedProbes()),
});

/**
 * Replies 503 with `Retry-After` to requests that the shedder refuses, before any work is done. Room is held until the
 * handler has ended, also when its client disconnects; where that cannot be seen, for a minute after the disconnect. Mount it after the middleware that sets the tenant, and before all that does work.
 * @throws {ConfigError} that names the wrong option
 */
export function shedGuard(shedder: Shedder, options: ShedGuardOptions = {}): HttpGuard {
  const { tenant, cost, priority, waitMs, exempt } = parseOptions(optionsSchema, options, "shedGuard");
  if (typeof shedder?.admit !== "function") {
    throw new ConfigError(`shedGuard: expected a shedder, got ${describeValue(shedder)}`);
  }
  const isOut = checkedCallback(exempt, booleanResult("shedGuard: exempt"));
  return async (facts) => {
    const out = isOut(facts);
    if (out === true || (out !== false && (await out))) return {};
    const tenantId = await tenant(facts);
    const signal = signalOf(facts.raw);
    // The shedder checks what the callbacks return.
    const admission = await shedder.admit({
      tenantId,
      cost: typeof cost === "function" ? await cost(facts) : cost,
      priority: typeof priority === "function" ? await priority(facts) : priority,
      ...(waitMs !== undefined && { waitMs: await waitMs(facts) }),
      ...(signal !== undefined && { signal }),
    });
    if (!admission.admitted) return { reply: overloadReply(admission) };
    return { holds: [holdOf(admission, asksForStream(facts))] };
  };
}

/** Longest time in milliseconds for which a request keeps its room after its client has left, if its end is not seen. */
const UNSEEN_MS = 60_000;

function holdOf(admission: Admitted, untilEventStream: boolean): Hold {
  let expiry: NodeJS.Timeout | undefined;
  const release = (): void => {
    clearTimeout(expiry);
    admission.release();
  };
  return {
    release,
    letExpire() {
      expiry ??= setTimeout(release, UNSEEN_MS).unref();
    },
    untilEventStream,
  };
}

/** True for a request for server-sent events. The response decides whether it is one. */
const asksForStream = ({ method, header }: HttpFacts): boolean =>
  method === "GET" && header("accept")?.includes("text/event-stream") === true;

/** A fetch request carries the signal of its client's connection. */
function signalOf(raw: unknown): AbortSignal | undefined {
  if (typeof raw !== "object" || raw === null || !("signal" in raw)) return undefined;
  return raw.signal instanceof AbortSignal ? raw.signal : undefined;
}

/** The reply that `problemFromError` makes of an `OverloadError`, without the cost of an error. */
function overloadReply({ retryAfterMs }: Refused): Reply {
  return problem({
    ...OVERLOAD_PROBLEM,
    title: "Service Unavailable",
    status: 503,
    code: "SCALE_OVERLOAD",
    headers: { "retry-after": String(Math.ceil(retryAfterMs / 1000)) },
  });
}
