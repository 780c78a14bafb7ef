import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startWorker } from "../test/fixture.js";
import { openTelemetryTrace } from "./trace.js";

describe("openTelemetryTrace", () => {
  beforeEach(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  });
  afterEach(() => {
    context.disable();
    propagation.disable();
  });

  it("carries the span of the enqueue to the handler", async () => {
    const span = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1 };
    const seen: unknown[] = [];
    const { mail, clock } = startWorker(
      { mail: () => void seen.push(trace.getSpanContext(context.active())) },
      { trace: openTelemetryTrace({ context, propagation }) },
    );
    await context.with(trace.setSpanContext(context.active(), span), () => mail("x"));
    await mail("without a span");
    await clock.settle();
    expect(seen).toEqual([{ ...span, isRemote: true }, undefined]);
  });
});
