import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { closing } from "../../test/sink.js";
import { sse } from "../express.js";
import { createHub, memoryHub } from "../index.js";

const acme = { tenantId: "acme" };
const until = (check: () => void): Promise<void> => vi.waitFor(check, 5000);
const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

/** A server of HTTP/2 whose streams come from a hub, and a session with it. */
async function serve(authorize: () => boolean | Promise<boolean> = () => true) {
  const hub = closing(
    createHub({ store: memoryHub(), heartbeat: 30, limits: { buffer: 262_144 }, topics: { t: { authorize } } }),
  );
  // Its types are those of HTTP/1.1. The compatibility layer of Node has the same members.
  const handler = sse(hub, { principal: () => acme }) as (request: object, response: object, next: () => void) => void;
  const server = createServer((request, response) => {
    handler(request, response, () => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  opened.push(
    () => new Promise((resolve) => server.close(resolve)),
    () => session.destroy(),
  );
  return { hub, session };
}

function ask(session: ClientHttp2Session): { readonly stream: ClientHttp2Stream; text(): string } {
  const stream = session.request({ ":path": "/?topic=t", accept: "text/event-stream" });
  let text = "";
  stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  stream.on("error", () => undefined);
  return { stream, text: () => text };
}

describe("sse over HTTP/2", () => {
  it("streams many clients over one connection, and frees the place of a stream that is reset", async () => {
    const { hub, session } = await serve();
    const clients = Array.from({ length: 8 }, () => ask(session));
    await until(() => expect(hub.stats().connections).toBe(8));
    await until(() => expect(clients.every(({ text }) => text().includes("event: ready"))).toBe(true));
    await hub.publish("t", "hello", acme);
    await until(() => expect(clients.every(({ text }) => text().includes('"hello"'))).toBe(true));
    clients[0]?.stream.close();
    await until(() => expect(hub.stats().connections).toBe(7));
    await hub.drain({ deadline: 1000, spread: 1 });
    await until(() => expect(clients.every(({ stream }) => stream.closed)).toBe(true));
  });

  it("frees the place of a client that leaves before its stream has begun", async () => {
    let letIn = (): void => undefined;
    const authorize = vi.fn(() => new Promise<boolean>((resolve) => (letIn = () => resolve(true))));
    const { hub, session } = await serve(authorize);
    const { stream } = ask(session);
    await until(() => expect(authorize).toHaveBeenCalled());
    stream.close();
    await once(stream, "close");
    await sleep(20); // The server has to notice it.
    letIn();
    await until(() => expect(hub.stats()).toMatchObject({ connections: 0, topics: 0 }));
  });

  it("ends the stream of a client that reads nothing, at the bound of its buffer", async () => {
    const { hub, session } = await serve();
    const { stream } = ask(session);
    await until(() => expect(hub.stats().connections).toBe(1));
    stream.pause();
    for (let i = 0; i < 40 && hub.stats().connections > 0; i++) await hub.publish("t", "x".repeat(60_000), acme);
    await until(() => expect(hub.stats().connections).toBe(0));
  });
});
