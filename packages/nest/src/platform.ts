import type { ServerResponse } from "node:http";
import type { ArgumentsHost } from "@nestjs/common";
import { endResponse, type HeaderTarget, type NodeRequest, nodeHeaders } from "@scale/http/adapter";

interface FastifyRequest {
  readonly raw: NodeRequest;
}

interface FastifyReply {
  readonly raw: ServerResponse;
  readonly sent: boolean;
  getHeader(name: string): string | string[] | number | undefined;
  header(name: string, value: string): unknown;
  code(status: number): { send(payload?: Buffer): unknown };
}

/** The request and the response of the framework below Nest, and what `node:http` made of them. */
export interface Exchange {
  readonly request: NodeRequest | FastifyRequest;
  readonly nodeRequest: NodeRequest;
  readonly response: ServerResponse | FastifyReply;
  readonly nodeResponse: ServerResponse;
}

export function exchangeOf(host: ArgumentsHost): Exchange {
  const http = host.switchToHttp();
  const request = http.getRequest<NodeRequest | FastifyRequest>();
  const response = http.getResponse<ServerResponse | FastifyReply>();
  return {
    request,
    nodeRequest: "raw" in request ? request.raw : request,
    response,
    nodeResponse: isFastify(response) ? response.raw : response,
  };
}

/** The headers of the framework's response: Fastify's own write over those of `node:http`. */
export function headersOf({ response }: Exchange): HeaderTarget {
  if (!isFastify(response)) return nodeHeaders(response);
  return {
    get(name) {
      const value = response.getHeader(name);
      return value === undefined || typeof value === "string" ? value : String(value);
    },
    set: (name, value) => void response.header(name, value),
    // Fastify adds where the header is Set-Cookie, the only one that is added.
    add: (name, value) => void response.header(name, value),
  };
}

/** True when nothing can be said any more: someone else has answered, or the client has left. */
export function isOver({ response, nodeResponse }: Exchange): boolean {
  return nodeResponse.headersSent || nodeResponse.destroyed || (isFastify(response) && response.sent);
}

/** Ends a response that has its headers, with exactly this text. */
export function end({ response, nodeResponse }: Exchange, status: number, text: string | undefined): void {
  if (!isFastify(response)) endResponse(nodeResponse, status, text);
  // As bytes: to a text Fastify adds a charset.
  else response.code(status).send(text === undefined ? undefined : Buffer.from(text));
}

const isFastify = (response: ServerResponse | FastifyReply): response is FastifyReply => "raw" in response;
