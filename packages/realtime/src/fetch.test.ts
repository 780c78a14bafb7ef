import { tenancy } from "@scale/core";
import { describe, expect, it, vi } from "vitest";
import { closing } from "../test/sink.js";
import { sse } from "./fetch.js";
import { createHub, memoryHub } from "./index.js";
import { sse as nextSse } from "./next.js";

const acme = { tenantId: "acme" };
const until = (check: () => void): Promise<void> => vi.waitFor(check, 5000);

function route() {
  const hub = closing(
    createHub({
      store: memoryHub(),
      heartbeat: 30,
      limits: { buffer: 262_144 },
      topics: { news: { authorize: ({ userId }: { tenantId: string; userId?: string }) => userId !== "eve" } },
    }),
  );
  const principal = ({ header }: { header(name: string): string | undefined }) => {
    const userId = header("x-user");
    return { tenantId: "acme", ...(userId !== undefined && { userId }) };
  };
  return { hub, GET: sse(hub, { principal }) };
}

const ask = (init: RequestInit = {}): Request =>
  new Request("http://localhost/events?topic=news", { headers: { accept: "text/event-stream" }, ...init });

describe("sse in a fetch handler", () => {
  it("streams, and frees the place when the body is cancelled or the request is aborted", async () => {
    const { hub, GET } = route();
    const response = await GET(ask());
    expect([response.status, response.headers.get("x-accel-buffering")]).toEqual([200, "no"]);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    await hub.publish("news", 1, acme);
    let text = "";
    while (!text.includes('"data":1')) text += (await reader.read()).value ?? "";
    await reader.cancel();
    await until(() => expect(hub.stats().connections).toBe(0));
    const controller = new AbortController();
    await GET(ask({ signal: controller.signal }));
    expect(hub.stats().connections).toBe(1);
    controller.abort();
    expect(hub.stats().connections).toBe(0);
    await GET(ask({ signal: AbortSignal.abort() }));
    expect(hub.stats().connections).toBe(0);
  });

  it("ends the stream of a reader that takes nothing, at the bound of its buffer", async () => {
    const { hub, GET } = route();
    const response = await GET(ask());
    for (let i = 0; i < 10; i++) await hub.publish("news", "x".repeat(60_000), acme);
    expect(hub.stats().connections).toBe(0);
    await expect(response.text()).rejects.toThrow(/too slowly/);
  });

  it("delivers to a reader that is slower than the publisher everything that fits the buffer", async () => {
    const { hub, GET } = route();
    const reader = (await GET(ask())).body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (let i = 0; i < 100; i++) {
      await hub.publish("news", `${i} ${"x".repeat(60_000)}`, acme);
      while (!text.includes(`"data":"${i} `)) text += (await reader.read()).value ?? "";
      text = text.slice(-100_000);
    }
    expect(hub.stats().connections).toBe(1);
    await reader.cancel();
  });

  it("answers refusals, HEAD, and a request without a tenant", async () => {
    const { hub, GET } = route();
    const eve = await GET(ask({ headers: { accept: "text/event-stream", "x-user": "eve" } }));
    expect([eve.status, await eve.json()]).toMatchObject([403, { code: "SCALE_FORBIDDEN" }]);
    const head = await GET(ask({ method: "HEAD" }));
    expect([head.status, head.body]).toEqual([200, null]);
    expect((await nextSse(hub)(ask())).status).toBe(400);
    expect((await tenancy.run(acme, () => nextSse(hub)(ask()))).status).toBe(200);
    expect(() => sse(hub, { topic: "x" } as never)).toThrow(/Unrecognized key: "topic"/);
    expect(() => sse({} as never)).toThrow(/expected a hub/);
  });
});
