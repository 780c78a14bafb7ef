import type { EventEmitter } from "node:events";
import { type TenantContext, tenancy } from "@scale/core";
import { inTenant } from "../../chain.js";

const tenants = new WeakMap<EventEmitter, TenantContext>();

/**
 * Runs the listeners of a request or response for the tenant. Their events come from the connection, which is not part
 * of the handler's work: with pipelined requests it is the end of one tenant's answer that drains the next one's, and
 * a stream that is piped there would produce for the wrong tenant.
 * A second call for the same emitter replaces the tenant.
 * @throws {TenantError} for ids that cannot be ones
 */
export function bindEvents(emitter: EventEmitter, tenant: TenantContext): void {
  // Here and not in an emitter: what it throws there has no caller who could answer for it.
  tenancy.run(tenant, () => undefined);
  const bound = tenants.has(emitter);
  tenants.set(emitter, tenant);
  if (bound) return;
  const emit = emitter.emit.bind(emitter);
  emitter.emit = (...event) => tenancy.run(tenants.get(emitter) ?? tenant, () => emit(...event));
}

/** The same bytes, read for the tenant: a stream produces when it is read, and a server reads it outside of the handler. */
export function readFor(tenant: TenantContext, body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  return readAs(body, { tenant });
}

export interface Reading {
  /** Read for this tenant. */
  readonly tenant?: TenantContext | undefined;
  /** Called when the body was read to its end, failed, or was cancelled. */
  readonly ended?: (() => void) | undefined;
}

/** The same bytes, read as told. */
export function readAs(body: ReadableStream<Uint8Array>, { tenant, ended }: Reading): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await inTenant(tenant, () => reader.read());
          if (!done) return controller.enqueue(value);
          controller.close();
        } catch (error) {
          controller.error(error);
        }
        ended?.();
      },
      cancel(reason) {
        ended?.();
        return inTenant(tenant, () => reader.cancel(reason));
      },
    },
    // Nothing is read ahead: the handler's stream sees the demand of the client alone.
    { highWaterMark: 0 },
  );
}
