/** W3C trace context, as it travels with a job. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** The tracing library of the application. `openTelemetryTrace` makes one of OpenTelemetry's API. */
export interface TraceBridge {
  /** Returns the trace context of the current work; `undefined` without a trace. */
  current(): TraceContext | undefined;
  /** Runs `fn`, and everything it starts, as a part of the trace. */
  run<T>(trace: TraceContext, fn: () => T): T;
}

/** The two parts of `@opentelemetry/api` that are used. */
export interface OpenTelemetryApi<Context> {
  readonly context: { active(): Context; with<T>(context: Context, fn: () => T): T };
  readonly propagation: {
    inject(context: Context, carrier: unknown): void;
    extract(context: Context, carrier: unknown): Context;
  };
}

/** Carries the trace of OpenTelemetry: `openTelemetryTrace(api)` with `import * as api from "@opentelemetry/api"`. */
export function openTelemetryTrace<Context>({ context, propagation }: OpenTelemetryApi<Context>): TraceBridge {
  return {
    current() {
      const carrier: { traceparent?: string; tracestate?: string } = {};
      propagation.inject(context.active(), carrier);
      const { traceparent, tracestate } = carrier;
      if (traceparent === undefined) return undefined;
      return { traceparent, ...(tracestate !== undefined && { tracestate }) };
    },
    run: (trace, fn) => context.with(propagation.extract(context.active(), { ...trace }), fn),
  };
}
