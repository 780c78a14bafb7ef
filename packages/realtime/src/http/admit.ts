import { type HttpFacts, problem, type Reply } from "@scale/http";
import { problemFromError } from "@scale/http/adapter";
import type { Admitted, ConnectRequest, Refused } from "../connection/connect.js";
import type { RefuseReason } from "../events.js";
import { type ParsedSseOptions, queryOf } from "./options.js";

/** The outcome of a request: a connection to start, a reply, or only the headers of a stream (HEAD). */
export type StreamAdmission =
  | { readonly is: "stream"; readonly connection: Admitted }
  | { readonly is: "head" }
  | { readonly is: "reply"; readonly reply: Reply };

/** The part of a hub that admits connections. */
interface Connects {
  connect(request: ConnectRequest<never>): Promise<Admitted | Refused>;
}

/**
 * Decides about a request for a stream.
 * @throws every error that is not of a `@scale` package: the application answers it
 */
export async function admitStream(
  hub: Connects,
  facts: HttpFacts,
  { principal, topics }: ParsedSseOptions,
): Promise<StreamAdmission> {
  const refusal = refuseRequest(facts);
  if (refusal !== undefined) return { is: "reply", reply: refusal };
  try {
    const request = {
      principal: (await principal(facts)) as never,
      topics: await topics(facts),
      lastEventId: facts.header("last-event-id") ?? queryOf(facts).get("lastEventId") ?? undefined,
    };
    const connection = await hub.connect(request);
    if (!connection.admitted) return { is: "reply", reply: REFUSALS[connection.reason] };
    if (facts.method !== "HEAD") return { is: "stream", connection };
    connection.leave();
    return { is: "head" };
  } catch (error) {
    const reply = problemFromError(error);
    if (reply === undefined) throw error;
    return { is: "reply", reply };
  }
}

/** Requests that are none for a stream. `@scale/shed` knows a stream by its Accept, so that no other becomes one. */
function refuseRequest({ method, header }: HttpFacts): Reply | undefined {
  if (method !== "GET" && method !== "HEAD") {
    const detail = "A stream of events is requested with GET.";
    return problem({ title: "Method Not Allowed", status: 405, detail, headers: { allow: "GET, HEAD" } });
  }
  if (header("accept")?.includes("text/event-stream") === true) return undefined;
  const detail = "A stream of events is requested with Accept: text/event-stream.";
  return problem({ title: "Not Acceptable", status: 406, detail });
}

const tooMany = (detail: string): Reply =>
  problem({
    title: "Too Many Requests",
    status: 429,
    code: "SCALE_CONNECTIONS",
    detail,
    headers: { "retry-after": "30" },
  });

const unavailable = (detail: string): Reply =>
  problem({
    title: "Service Unavailable",
    status: 503,
    code: "SCALE_CONNECTIONS",
    detail,
    headers: { "retry-after": "1" },
  });

const REFUSALS: Readonly<Record<RefuseReason, Reply>> = {
  "tenant-limit": tooMany("The tenant has as many open streams as it may have."),
  "user-limit": tooMany("The user has as many open streams as one may have."),
  "process-limit": unavailable("This process has as many open streams as it can serve."),
  draining: unavailable("This process is shutting down."),
  expired: problem({
    title: "Unauthorized",
    status: 401,
    code: "SCALE_EXPIRED",
    detail: "The credential of the request has expired.",
    headers: { "www-authenticate": 'Bearer error="invalid_token"' },
  }),
  forbidden: problem({
    title: "Forbidden",
    status: 403,
    code: "SCALE_FORBIDDEN",
    detail: "At least one of the topics may not be received.",
  }),
};
