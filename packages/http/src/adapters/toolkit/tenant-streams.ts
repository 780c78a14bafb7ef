import type { EventEmitter } from "node:events";
import { type TenantContext, tenancy } from "@scale/core";
import { inTenant } from "../../chain.js";

const tenants = new WeakMap<EventEmitter, TenantContext>();

/**
 * Runs the listeners of a request or response for the tenant. Their events come from the connection, not from the
 * handler: with pipelined requests the end of one tenant's response drains the next one's, and a stream that is piped
 * into it would produce for the wrong tenant.
 * A second call for the same emitter replaces the tenant.
 * @throws {TenantError} for invalid ids
 */
export function bindEvents(emitter: EventEmitter, tenant: TenantContext): void {
  // Checked here, because an error inside the emitter would have no caller to catch it.
  tenancy.run(tenant, () => undefined);
  const isBound = tenants.has(emitter);
  tenants.set(emitter, tenant);
  if (isBound) return;
  const emit = emitter.emit.bind(emitter);
  emitter.emit = (...event) => tenancy.run(tenants.get(emitter) ?? tenant, () => emit(...event));
}

export interface BodyBinding {
  /** Tenant for which the body is produced. */
  readonly tenant?: TenantContext | undefined;
  /** Called when the body was read to its end (`complete`), failed, or was cancelled. */
  readonly onEnd?: ((complete: boolean) => void) | undefined;
  /** Called when the source of the body has ended: after `onEnd`, when a cancelled source has still to clean up. */
  readonly onSourceEnd?: (() => void) | undefined;
}

/**
 * Returns a stream of the same bytes that is produced for the tenant. A stream produces when it is read, and a server
 * reads it outside of the handler.
 */
export function bindBody(
  body: ReadableStream<Uint8Array>,
  { tenant, onEnd, onSourceEnd }: BodyBinding,
): ReadableStream<Uint8Array> {
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
          onEnd?.(false);
          return onSourceEnd?.();
        }
        onEnd?.(true);
        onSourceEnd?.();
      },
      async cancel(reason) {
        onEnd?.(false);
        try {
          await inTenant(tenant, () => reader.cancel(reason));
        } finally {
          onSourceEnd?.();
        }
      },
    },
    // No read-ahead: the handler's stream sees only the demand of the client.
    { highWaterMark: 0 },
  );
}
