import "reflect-metadata";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { Controller, Get, Req, Res } from "@nestjs/common";
import { fromHeader, tenantGuard } from "@scale/http";
import { createHub, memoryHub } from "@scale/realtime";
import { sse } from "@scale/realtime/express";
import { describe, expect, it, vi } from "vitest";
import { platforms, start } from "../test/start.js";
import { runMiddleware } from "./run-middleware.js";
import { ScaleModule } from "./scale.module.js";

const rights = { isAllowed: true };
const hub = createHub({ store: memoryHub(), topics: { news: { authorize: () => rights.isAllowed } } });
const stream = sse(hub);
const failing = sse(hub, { principal: () => Promise.reject(new Error("no session")) });

@Controller()
class EventsController {
  @Get("events")
  events(@Req() request: object, @Res() response: object): Promise<void> {
    return runMiddleware(stream, request, response);
  }

  @Get("failing")
  failing(@Req() request: object, @Res() response: object): Promise<void> {
    return runMiddleware(failing, request, response);
  }
}

describe.each(platforms)("runMiddleware on %s", (_name, newAdapter) => {
  const headers = { accept: "text/event-stream", "x-tenant-id": "acme" };
  const serve = (): Promise<string> =>
    start(newAdapter, {
      controllers: [EventsController],
      imports: [
        ScaleModule.forRoot({
          guards: {
            tenant: tenantGuard({ resolve: fromHeader("x-tenant-id") }),
            mark: () => ({ headers: { "x-mark": "kept" } }),
          },
          globalGuards: ["tenant", "mark"],
        }),
      ],
    });

  it("streams for the tenant of the guards, under their headers, and frees the place of a client that left", async () => {
    const url = await serve();
    // Not fetch: after the abort it opens a connection that no request uses, and Fastify would wait for its end.
    const sent = request(`${url}/events?topic=news`, { agent: false, headers }).end();
    sent.on("error", () => undefined);
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({ "content-type": "text/event-stream; charset=utf-8", "x-mark": "kept" });
    let text = "";
    response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    response.on("error", () => undefined);
    await vi.waitFor(() => expect(text).toContain("event: ready"), 5000);
    await hub.publish("news", 1, { tenantId: "acme" });
    await vi.waitFor(() => expect(text).toContain('{"topic":"news","data":1}'), 5000);
    sent.destroy();
    await vi.waitFor(() => expect(hub.stats().connections).toBe(0), 5000);
  });

  it("answers refusals with problems, and errors with the filters of the application", async () => {
    const url = await serve();
    rights.isAllowed = false;
    const forbidden = await fetch(`${url}/events?topic=news`, { headers });
    rights.isAllowed = true;
    expect([forbidden.status, await forbidden.json()]).toMatchObject([403, { code: "SCALE_FORBIDDEN" }]);
    expect(forbidden.headers.get("x-mark")).toBe("kept");
    expect((await fetch(`${url}/failing`, { headers })).status).toBe(500);
  });
});
