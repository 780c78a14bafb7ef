import { listen } from "@scale/http/testing";
import { EventSource } from "eventsource";
import { afterEach, describe, expect, it, vi } from "vitest";
import { closing } from "../../test/sink.js";
import { sse } from "../express.js";
import { createHub, memoryHub } from "../index.js";
import { connect, type ConnectionState, type HubData } from "./index.js";

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const each of opened.splice(0).toReversed()) await each.close();
});
const acme = { tenantId: "acme" };
const until = (check: () => void): Promise<void> => vi.waitFor(check, 10_000);

function newHub(store = memoryHub()) {
  return closing(
    createHub({
      store,
      lifetime: { retry: 20 },
      history: { events: 5 },
      topics: { "orders.{id}": { authorize: () => true }, news: { authorize: () => true } },
    }),
  );
}

/** A server that a test can break. */
async function serve(hub = newHub()) {
  const server = { hub, status: 200 };
  const listening = await listen((request, response) => {
    if (server.status !== 200) response.writeHead(server.status).end();
    else void sse(server.hub, { principal: () => acme })(request, response, () => response.destroy());
  });
  opened.push(listening);
  return { server, url: `${listening.url}/events` };
}

type Data = HubData<ReturnType<typeof newHub>>;

function open(url: string, topics: readonly (`orders.${string}` | "news")[] = ["orders.1"], staleMs?: number) {
  const got: unknown[] = [];
  const states: ConnectionState[] = [];
  const onReset = vi.fn();
  const stream = connect<Data>({
    ...{ url, topics, onReset, eventSource: EventSource, onState: (state) => void states.push(state) },
    ...(staleMs !== undefined && { staleMs }),
  });
  opened.push(stream);
  for (const topic of topics) stream.on(topic, (data) => void got.push(data));
  return { stream, got, states, onReset };
}

describe("connect", () => {
  it("delivers the data of each topic to its listeners, and goes on after the connection was cut", async () => {
    const { server, url } = await serve();
    const { stream, got, onReset } = open(url, ["orders.1", "news"]);
    const other = vi.fn();
    const stop = stream.on("orders.2", other);
    await until(() => expect(stream.state).toBe("open"));
    await server.hub.publish("orders.1", { total: 1 }, acme);
    await until(() => expect(got).toEqual([{ total: 1 }]));
    const store = server.hub;
    await store.drain({ deadline: 100, spread: 1 });
    expect(onReset).not.toHaveBeenCalled();
    stop();
    expect(other).not.toHaveBeenCalled();
  });

  it("resumes by its last id after an error response, which ends a bare EventSource for good", async () => {
    const store = memoryHub();
    const { server, url } = await serve(newHub(store));
    const { stream, got, states, onReset } = open(url);
    await until(() => expect(stream.state).toBe("open"));
    await server.hub.publish("orders.1", 1, acme);
    await until(() => expect(got).toEqual([1]));
    server.status = 503;
    await server.hub.drain({ deadline: 100, spread: 1 });
    await until(() => expect(stream.state).toBe("waiting"));
    server.hub = newHub(store);
    await server.hub.publish("orders.1", 2, acme);
    server.status = 200;
    await until(() => expect(got).toEqual([1, 2]));
    expect(states).toEqual(["open", "connecting", "waiting", "connecting", "open"]);
    expect(onReset).not.toHaveBeenCalled();
  });

  it("calls onReset once when events are gone", async () => {
    const store = memoryHub();
    const { server, url } = await serve(newHub(store));
    const { stream, got, onReset } = open(url);
    await until(() => expect(stream.state).toBe("open"));
    server.status = 503;
    await server.hub.drain({ deadline: 100, spread: 1 });
    await until(() => expect(stream.state).toBe("waiting"));
    server.hub = newHub(store);
    for (let i = 0; i < 20; i++) await server.hub.publish("orders.1", i, acme);
    server.status = 200;
    await until(() => expect(stream.state).toBe("open"));
    await server.hub.publish("orders.1", "live", acme);
    await until(() => expect(got).toEqual(["live"]));
    expect(onReset).toHaveBeenCalledTimes(1);
  });

  it("replaces a connection that is silent for too long, and stops when it is closed", async () => {
    const { server, url } = await serve();
    const { stream, states } = open(url, ["orders.1"], 60);
    await until(() => expect(states.filter((state) => state === "open").length).toBeGreaterThan(1));
    stream.close();
    expect(stream.state).toBe("closed");
    await until(() => expect(server.hub.stats().connections).toBe(0));
    const { length } = states;
    await new Promise((resolve) => setTimeout(resolve, 100)); // Nothing may happen any more.
    expect(states).toHaveLength(length);
  });

  it("calls onReset when the server left events out", () => {
    const listeners = new Map<string, (message: { data: string; lastEventId: string }) => void>();
    class FakeSource {
      readonly readyState = 1;
      addEventListener(type: string, listener: (message: { data: string; lastEventId: string }) => void): void {
        listeners.set(type, listener);
      }
      close(): void {}
    }
    const onReset = vi.fn();
    opened.push(connect({ url: "/events", topics: [], onReset, eventSource: FakeSource }));
    listeners.get("dropped")?.({ data: '{"events":3}', lastEventId: "x" });
    expect(onReset).toHaveBeenCalledTimes(1);
  });

  it("names the missing EventSource", () => {
    expect(() => connect({ url: "/events", topics: [], onReset: () => undefined })).toThrow(/pass eventSource/);
  });
});
