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

/** Request and response of the framework below Nest, and those of `node:http` below that. */
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

/** Headers of the framework's response: Fastify replaces those of `node:http` by its own. */
export function headersOf({ response }: Exchange): HeaderTarget {
  if (!isFastify(response)) return nodeHeaders(response);
  return {
    get(name) {
      const value = response.getHeader(name);
      return value === undefined || typeof value === "string" ? value : String(value);
    },
    set: (name, value) => void response.header(name, value),
    // Fastify appends Set-Cookie, the only header that is added to.
    add: (name, value) => void response.header(name, value),
  };
}

/** True if no response can be sent: it has begun, or the client has disconnected. */
export function hasEnded({ response, nodeResponse }: Exchange): boolean {
  return nodeResponse.headersSent || nodeResponse.destroyed || (isFastify(response) && response.sent);
}

/** Ends a response whose headers are set, with exactly these bytes. */
export function endWith({ response, nodeResponse }: Exchange, status: number, text: string | undefined): void {
  if (!isFastify(response)) endResponse(nodeResponse, status, text);
  // As a buffer: Fastify would add a charset for a string.
  else response.code(status).send(text === undefined ? undefined : Buffer.from(text));
}

const isFastify = (response: ServerResponse | FastifyReply): response is FastifyReply => "raw" in response;
