import { z } from "zod";
import type { SignalOptions } from "./signals.js";

export interface DrainOptions {
  /**
   * Milliseconds between "not ready" and the end of listening: the time that the balancer needs to see it. Kubernetes: twice
   * the period of the readiness probe; haproxy: `inter` × `fall`. Only SIGTERM waits, because Ctrl-C has no balancer.
   * @default 5_000
   */
  readonly delayMs?: number;
  /**
   * Milliseconds after which the drain has ended, whatever hangs. Less than the grace period of the orchestrator, which is
   * 30 seconds in Kubernetes and 10 in Docker.
   * @default 25_000
   */
  readonly deadlineMs?: number;
}

export interface AttachOptions {
  /**
   * Idle time in milliseconds after which the balancer closes a connection to this process: 60 s for haproxy, nginx and AWS,
   * 600 s for Google Cloud. The timeouts of the server are raised above it.
   * @default 60_000
   */
  readonly balancerIdleMs?: number;
}

export interface DeferOptions {
  /**
   * `resources` are closed one after the other when all requests have ended. `streams` are ended at the same time when the
   * server stops, before requests are waited for: a hub of server-sent events, a WebSocket server.
   * @default "resources"
   */
  readonly stage?: "streams" | "resources";
  /** Deadline of this close, in milliseconds. @default 5_000 */
  readonly timeoutMs?: number;
}

export interface StartOptions {
  /** Appears in the report and in events. @default "shutdown" */
  readonly reason?: string;
  /** In place of `delayMs` of the options. */
  readonly delayMs?: number;
}

const delay = z.number().min(0).max(600_000);

export const drainSchema: z.ZodType<Required<DrainOptions>> = z
  .strictObject({ delayMs: delay.default(5_000), deadlineMs: z.number().min(1).max(3_600_000).default(25_000) })
  .refine(({ delayMs, deadlineMs }) => delayMs < deadlineMs, {
    path: ["delayMs"],
    message: "expected less than deadlineMs",
  });

export const attachSchema: z.ZodType<Required<AttachOptions>> = z.strictObject({
  balancerIdleMs: z.number().min(1).max(86_400_000).default(60_000),
});

export const deferSchema: z.ZodType<Required<DeferOptions>> = z.strictObject({
  stage: z.enum(["streams", "resources"]).default("resources"),
  timeoutMs: z.number().min(1).max(3_600_000).default(5_000),
});

type ParsedStart = StartOptions & { readonly reason: string };

export const startSchema: z.ZodType<ParsedStart> = z.strictObject({
  reason: z.string().default("shutdown"),
  delayMs: delay.exactOptional(),
});

export const signalSchema: z.ZodType<Required<SignalOptions>> = z.strictObject({
  signals: z
    .array(z.enum(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"]))
    .readonly()
    .default(["SIGTERM", "SIGINT"]),
  exit: z.boolean().default(true),
});
