import { type Clock, ConfigError, isScaleError, tenancy } from "@scale/core";
import { describeValue, parseTenantId } from "@scale/core/kit";
import { eventPublish, storeFail } from "./events.js";
import { type DeliveredMessage, type FailedMessage, OUTBOX_KIND, type OutboxLike } from "./outbox.js";
import type { NewEvent, OpenStore } from "./store.js";
import { encodeBody, encodeEvent } from "./topics/encode.js";
import type { TopicRegistry } from "./topics/registry.js";

export interface PublishOptions {
  /** @default the tenant of `tenancy.require()` */
  readonly tenantId?: string;
  /**
   * Id of the event. Events of a tenant with the same id are published once within an hour: pass it to publish again after a
   * timeout.
   * @default none
   */
  readonly id?: string;
}

export interface PublisherOptions {
  readonly store: OpenStore;
  readonly registry: TopicRegistry;
  readonly maxBytes: number;
  readonly outbox: OutboxLike<unknown> | undefined;
  readonly clock: Clock;
}

interface OutgoingEvent {
  readonly topic: string;
  readonly data: unknown;
  readonly options: PublishOptions | undefined;
}

export interface Publisher {
  publish(topic: string, data: unknown, options?: PublishOptions): Promise<void>;
  publishIn(tx: unknown, event: OutgoingEvent): Promise<void>;
  deliver(messages: readonly DeliveredMessage[], signal?: AbortSignal): Promise<readonly FailedMessage[]>;
}

const MAX_EVENT_ID_LENGTH = 512;

export function createPublisher(options: PublisherOptions): Publisher {
  const { registry, maxBytes, outbox } = options;
  const append = createAppend(options);

  /** Delivers the messages of one topic in their order, and ends at one that may succeed later. */
  async function deliverLine(
    messages: readonly DeliveredMessage[],
    signal: AbortSignal | undefined,
  ): Promise<FailedMessage[]> {
    const failed: FailedMessage[] = [];
    for (const [index, { id, tenantId, topic, payload }] of messages.entries()) {
      try {
        signal?.throwIfAborted();
        const body = encodeBody(registry.resolve(topic), payload, maxBytes);
        await append({ tenantId: parseTenantId(tenantId), topic: topic ?? "", body, id: parseEventId(id) });
      } catch (error) {
        const permanent = isPermanent(error);
        failed.push({ id, error, permanent });
        // A later event must not overtake this one.
        if (!permanent) return [...failed, ...messages.slice(index + 1).map(({ id: later }) => ({ id: later, error }))];
      }
    }
    return failed;
  }

  return {
    async publish(topic, data, { tenantId, id } = {}) {
      const encoded = encodeEvent(registry.resolve(topic), data, maxBytes);
      const body = typeof encoded === "string" ? encoded : await encoded;
      await append({ tenantId: tenantOf(tenantId), topic, body, id: parseEventId(id) });
    },
    async publishIn(tx, { topic, data, options: { tenantId, id } = {} }) {
      if (outbox === undefined) throw new ConfigError("hub.in: expected the option outbox of createHub, got none");
      // Checked here, where the caller can still roll back: the relay could only give the message up.
      const body = await encodeEvent(registry.resolve(topic), data, maxBytes);
      const { data: payload } = JSON.parse(body) as { data: unknown };
      const message = { kind: OUTBOX_KIND, tenantId: tenantOf(tenantId), topic, payload };
      await outbox.write(tx, id === undefined ? message : { ...message, id: parseEventId(id) ?? id });
    },
    async deliver(messages, signal) {
      const lines = new Map<string, DeliveredMessage[]>();
      for (const message of messages) {
        const line = JSON.stringify([message.tenantId, message.topic]);
        lines.set(line, [...(lines.get(line) ?? []), message]);
      }
      const failed = await Promise.all([...lines.values()].map((line) => deliverLine(line, signal)));
      return failed.flat();
    },
  };
}

/** Appends an event and publishes what became of it. */
function createAppend({ store, clock }: PublisherOptions): (event: NewEvent) => Promise<void> {
  return async (event) => {
    const { tenantId, topic, body } = event;
    const startedAt = clock.monotonic();
    try {
      await store.append(event);
    } catch (error) {
      storeFail.publish(() => ({ tenantId, operation: "append", error }));
      throw error;
    }
    eventPublish.publish(() => {
      const durationMs = clock.monotonic() - startedAt;
      return { tenantId, topic, bytes: Buffer.byteLength(body), durationMs };
    });
  };
}

const tenantOf = (tenantId: string | undefined): string =>
  tenantId === undefined ? tenancy.require().tenantId : parseTenantId(tenantId);

function parseEventId(id: string | undefined): string | undefined {
  if (id === undefined || (typeof id === "string" && id !== "" && id.length <= MAX_EVENT_ID_LENGTH)) return id;
  throw new TypeError(
    `publish: id: expected a string of 1 to ${MAX_EVENT_ID_LENGTH} characters, got ${describeValue(id)}`,
  );
}

/** True for data that no later attempt makes valid. */
const isPermanent = (error: unknown): boolean =>
  ["SCALE_INPUT", "SCALE_TOPIC", "SCALE_TENANT", "SCALE_PAYLOAD_TOO_LARGE"].some((code) => isScaleError(error, code));
