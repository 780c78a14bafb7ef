import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type Clock, systemClock, tenancy } from "@scale/core";
import { clockOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { isMessage, textOf } from "../catalogue/row.js";
import type { MetricsSink } from "../sink.js";
import { degradeEvents, degradeReport } from "./degrade-events.js";

interface TaggedEvent {
  tags?: Record<string, unknown>;
}

/** The part of `@sentry/node` that we call. The application initializes it. */
export interface SentryLike {
  addEventProcessor(processor: <E extends TaggedEvent>(event: E) => E): void;
  captureMessage(
    message: string,
    context: { level: "warning" | "error"; tags: Record<string, string>; fingerprint: string[] },
  ): unknown;
}

export interface SentrySinkOptions {
  /** `import * as Sentry from "@sentry/node"`, after `Sentry.init`. */
  readonly sentry: SentryLike;
  /**
   * Time for which the same degradation is not reported again, in milliseconds.
   * @default 60000
   */
  readonly repeatMs?: number;
  /** Clock, for tests. */
  readonly clock?: Clock;
}

const optionsSchema = z.strictObject({
  sentry: z.custom<SentryLike>(
    (value) => typeof value === "object" && value !== null && "captureMessage" in value && "addEventProcessor" in value,
    "expected the module @sentry/node",
  ),
  repeatMs: z.number().min(0).max(86_400_000).default(60_000),
  clock: clockOption.default(systemClock),
});

const MAX_KEYS = 1000;

/**
 * Tags every Sentry event with the tenant that it happened for, and reports degradations: an open breaker, a degraded flag, a
 * stalled Redis, a database node that serves nothing, a tenant with a problem.
 * @throws {ConfigError} with the name of the wrong option
 */
export function sentrySink(options: SentrySinkOptions): MetricsSink {
  const { sentry, repeatMs, clock } = parseOptions(optionsSchema, options, "sentrySink");
  const reported = new Map<string, number>();
  let ends: (() => void)[] = [];
  let isOpen = false;
  const isDue = (key: string): boolean => {
    const now = clock.monotonic();
    if (now - (reported.get(key) ?? Number.NEGATIVE_INFINITY) < repeatMs) return false;
    if (reported.size >= MAX_KEYS) reported.clear();
    reported.set(key, now);
    return true;
  };
  function onEvent(channel: string, message: unknown): void {
    const found = degradeReport(channel, message);
    if (found === undefined || !isDue(`${channel} ${found.key}`)) return;
    const tenantId = isMessage(message) ? textOf(message, "tenantId") : "";
    const tags = { "scale.event": channel, ...(tenantId !== "" && { tenant: tenantId }) };
    sentry.captureMessage(found.message, { level: found.level, tags, fingerprint: [channel, found.key] });
  }
  return {
    name: "sentry",
    start(source) {
      isOpen = true;
      // Sentry has no way to remove it.
      sentry.addEventProcessor((event) => (isOpen ? withTenant(event) : event));
      ends = Object.keys(degradeEvents).map((channel) => {
        const listener = (message: unknown): void => {
          // An error in a subscriber would be an uncaught exception of the process that publishes.
          try {
            onEvent(channel, message);
          } catch (error) {
            source.fail(error);
          }
        };
        subscribe(channel, listener);
        return () => unsubscribe(channel, listener);
      });
    },
    async close() {
      isOpen = false;
      for (const end of ends) end();
    },
  };
}

/** The application's own tag wins. */
function withTenant<E extends TaggedEvent>(event: E): E {
  const tenantId = tenancy.current()?.tenantId;
  if (tenantId !== undefined) event.tags = { tenant: tenantId, ...event.tags };
  return event;
}
