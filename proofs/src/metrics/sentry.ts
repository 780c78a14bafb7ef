import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tenancy } from "@scale/core";
import { createMetrics } from "@scale/metrics";
import { sentrySink } from "@scale/metrics/sentry";
import type { Line, SectionOptions } from "@scale/testkit";
import * as Sentry from "@sentry/node";
import { line } from "../bound.js";

/** Envelopes of the Sentry SDK, received by a server. */
export async function* sentry({ smoke }: SectionOptions): AsyncIterable<Line> {
  const tenants: string[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const events = Buffer.concat(parts)
        .toString()
        .split("\n")
        .filter((text) => text.includes('"exception"'));
      for (const event of events)
        tenants.push((JSON.parse(event) as { tags?: Record<string, string> }).tags?.["tenant"] ?? "none");
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  Sentry.init({ dsn: `http://key@127.0.0.1:${port}/1`, defaultIntegrations: false });
  const metrics = createMetrics({ process: false, sinks: [sentrySink({ sentry: Sentry })] });
  const count = smoke ? 3 : 20;
  await Promise.all(
    Array.from({ length: count }, async (_, i) =>
      tenancy.run({ tenantId: `tenant-${i}` }, async () => {
        // Each of them in the middle of work of its own.
        await new Promise((resolve) => setTimeout(resolve, (i * 7) % 20));
        Sentry.captureException(new Error(`order ${i}`));
      }),
    ),
  );
  await Sentry.close(10_000);
  await metrics.close();
  await new Promise((resolve) => void server.close(resolve));
  const right = Array.from({ length: count }, (_, i) => `tenant-${i}`).filter((tenant) => tenants.includes(tenant));
  yield line({
    proof: `metrics: envelopes of ${count} Sentry events that arrive with their tenant`,
    unit: "events",
    value: right.length,
    bound: { atLeast: count },
  });
}
