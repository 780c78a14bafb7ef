import { Readable } from "node:stream";
import { StreamableFile } from "@nestjs/common";
import { type TenantContext, tenancy } from "@scale/core";
import { bindBody } from "@scale/http/adapter";

/**
 * Binds the result of a handler to the tenant. A streamed body is produced after the handler has returned, when Nest reads
 * it. Everything else is returned unchanged.
 */
export function bindToTenant(tenant: TenantContext, body: unknown): unknown {
  if (body instanceof StreamableFile) bindReads(body.getStream(), tenant);
  else if (body instanceof Readable) bindReads(body, tenant);
  else if (body instanceof ReadableStream) return bindBody(body, { tenant });
  else if (body instanceof Response) return bodyFor(tenant, body);
  else if (isAsyncIterable(body)) bindIterator(body, tenant);
  return body;
}

// In place: Nest keeps the stream that the handler returned, and destroys it when it is not sent.
function bindReads(stream: Readable, tenant: TenantContext): void {
  // oxlint-disable-next-line no-underscore-dangle -- the documented method in which a Readable produces
  const read = stream._read.bind(stream);
  // oxlint-disable-next-line no-underscore-dangle -- as above
  stream._read = (size) => tenancy.run(tenant, () => read(size));
}

function bindIterator(body: AsyncIterable<unknown>, tenant: TenantContext): void {
  const iterate = body[Symbol.asyncIterator].bind(body);
  body[Symbol.asyncIterator] = () => {
    const iterator = tenancy.run(tenant, iterate);
    return {
      next: () => tenancy.run(tenant, () => iterator.next()),
      return: () => tenancy.run(tenant, async () => (await iterator.return?.()) ?? { done: true, value: undefined }),
    };
  };
}

// The body of a fetched response runs no code of the application, and Nest must receive the fetched object itself.
function bodyFor(tenant: TenantContext, response: Response): Response {
  if (response.body === null || response.type !== "default") return response;
  return new Response(bindBody(response.body, { tenant }), response);
}

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === "object" && value !== null && Symbol.asyncIterator in value;
