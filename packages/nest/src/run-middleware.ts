import type { ServerResponse } from "node:http";
import type { NodeMiddleware, NodeRequest } from "@scale/http/express";

/** The part of a Fastify reply that is needed to leave the response to another writer. */
interface FastifyStreamReply {
  readonly raw: ServerResponse;
  getHeaders(): Readonly<Record<string, string | string[] | number | undefined>>;
  hijack(): unknown;
}

/**
 * Runs middleware of `node:http` as the handler of a route, on Express and Fastify: for streams that write the response
 * themselves, such as `sse(hub)` of `@scale/realtime/express`. Headers of guards are kept, and errors go to the exception
 * filters.
 * @param request parameter with `@Req()`
 * @param response parameter with `@Res()`, so that Nest sends nothing
 */
export async function runMiddleware(middleware: NodeMiddleware, request: object, response: object): Promise<void> {
  const nodeRequest = ("raw" in request ? request.raw : request) as NodeRequest;
  if (!isReply(response)) return run(middleware, nodeRequest, response as ServerResponse);
  for (const [name, value] of Object.entries(response.getHeaders()))
    if (value !== undefined) response.raw.setHeader(name, value);
  await run(middleware, nodeRequest, response.raw);
  // Not earlier: an error of the middleware is still answered by Fastify.
  response.hijack();
}

async function run(middleware: NodeMiddleware, request: NodeRequest, response: ServerResponse): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  await middleware(request, response, (error) => {
    if (error !== undefined) failure = { error };
  });
  if (failure !== undefined) throw failure.error;
}

const isReply = (response: object): response is FastifyStreamReply => "raw" in response && "hijack" in response;
