import { once } from "node:events";
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { systemClock } from "@scale/core";
import { waitUntil } from "@scale/testkit";
import { describe, expect, it, onTestFinished } from "vitest";
import { GET, rawClient } from "../../test/http-client.js";
import { drainEnd, drainStart } from "../events.js";
import { Drainer } from "./drain.js";
import type { DrainOptions } from "./options.js";

const drainOf = (options: DrainOptions = {}, onClosing = (): void => undefined): Drainer =>
  new Drainer({ delayMs: 0, deadlineMs: 5_000, ...options }, { clock: systemClock, onClosing });

async function serve(listener: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(listener);
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** A server whose responses the test ends. */
async function serveManually() {
  const waiting: ServerResponse[] = [];
  const { server, url } = await serve((_request, response) => void waiting.push(response));
  const arrived = (count: number) => waitUntil(() => waiting.length === count, { what: "the requests", everyMs: 1 });
  return { server, url, waiting, arrived };
}

describe("the requests of a drain", () => {
  it("are finished, answered with Connection: close, and followed by no others", async () => {
    const { server, url, waiting, arrived } = await serveManually();
    const drain = drainOf();
    drain.attach(server);
    const answer = fetch(url);
    await arrived(1);
    const drained = drain.start();
    await waitUntil(() => !server.listening, { what: "the end of listening", everyMs: 1 });
    await expect(fetch(url)).rejects.toThrow("fetch failed");
    waiting[0]?.end("late");
    const response = await answer;
    expect(response.headers.get("connection")).toBe("close");
    expect(await response.text()).toBe("late");
    expect(await drained).toMatchObject({ isClean: true, requestsAborted: 0, streamsEnded: 0 });
  });

  it("are accepted during the delay, on old and new connections, each for the last time", async () => {
    const { server, url } = await serve((_request, response) => void response.end("ok"));
    const drain = drainOf({ delayMs: 300 });
    drain.attach(server);
    const before = await rawClient(url);
    before.send(GET);
    await waitUntil(() => before.received().endsWith("ok"), { what: "the answer" });
    expect(before.received()).toContain("Connection: keep-alive");
    const drained = drain.start();
    const after = await rawClient(url);
    for (const client of [before, after]) client.send(GET);
    await Promise.all([before.closed, after.closed]);
    for (const client of [before, after]) expect(client.received()).toMatch(/connection: close[^]*ok$/i);
    expect((await drained).isClean).toBe(true);
  });

  it("hold it up no longer than the deadline", async () => {
    const { server, url, arrived } = await serveManually();
    const drain = drainOf({ deadlineMs: 100 });
    drain.attach(server);
    const answer = fetch(url).catch((error: unknown) => error);
    await arrived(1);
    expect(await drain.start()).toMatchObject({ isClean: false, requestsAborted: 1 });
    expect(await answer).toMatchObject({ message: "fetch failed" });
  });

  it("do not wait for idle connections, nor for those that never sent anything", { timeout: 4_000 }, async () => {
    const { server, url } = await serve((_request, response) => void response.end("ok"));
    const drain = drainOf({ deadlineMs: 60_000 });
    drain.attach(server);
    const [idle, unused] = [await rawClient(url), await rawClient(url)];
    idle.send(GET);
    await waitUntil(() => idle.received().endsWith("ok"), { what: "the answer" });
    expect((await drain.start()).isClean).toBe(true);
    await Promise.all([idle.closed, unused.closed]);
  });

  it("that are on their way when the server stops are answered", async () => {
    const { server, url } = await serve((_request, response) => void response.end("ok"));
    const drain = drainOf();
    drain.attach(server);
    const accepted: Socket[] = [];
    server.on("connection", (socket: Socket) => accepted.push(socket));
    const [partial, late] = [await rawClient(url), await rawClient(url)];
    partial.send(GET.slice(0, 20));
    const hasRead = (): boolean => accepted.some(({ bytesRead }) => bytesRead === 20);
    await waitUntil(() => accepted.length === 2 && hasRead(), { what: "both connections, and the part", everyMs: 1 });
    const drained = drain.start();
    await waitUntil(() => !server.listening, { what: "the end of listening", everyMs: 1 });
    partial.send(GET.slice(20));
    late.send(GET);
    await Promise.all([partial.closed, late.closed]);
    for (const client of [partial, late]) expect(client.received()).toMatch(/^HTTP\/1.1 200 OK[^]*ok$/);
    expect((await drained).isClean).toBe(true);
  });

  it("get their whole response, also when it was ended and a slow client has not read it yet", async () => {
    const body = Buffer.alloc(8 * 1024 * 1024, "x");
    const { server, url } = await serve((_request, response) => void response.end(body));
    const drain = drainOf();
    drain.attach(server);
    const slow = await rawClient(url);
    slow.socket.pause();
    slow.send(GET);
    await waitUntil(async () => slow.socket.readableLength > 0 || slow.socket.bytesRead > 0, { what: "the head" });
    const other = await rawClient(url);
    other.send(GET.replace("GET", "HEAD"));
    await waitUntil(() => other.received().includes("200"), { what: "an idle connection" });
    const drained = drain.start();
    await waitUntil(() => !server.listening, { what: "the end of listening", everyMs: 1 });
    slow.socket.resume();
    await slow.closed;
    expect(slow.received().split("\r\n\r\n")[1]?.length).toBe(body.length);
    expect((await drained).isClean).toBe(true);
  });
});

describe("the uploads of a drain", () => {
  it("that wait for 100 Continue, or ask for something else, are requests too", { timeout: 4_000 }, async () => {
    const { server, url } = await serve((_request, response) => void response.end("ok"));
    const waiting: ServerResponse[] = [];
    for (const event of ["checkContinue", "checkExpectation"])
      server.on(event, (_request, response: ServerResponse) => void waiting.push(response));
    const drain = drainOf({ deadlineMs: 60_000 });
    drain.attach(server);
    const clients = [await rawClient(url), await rawClient(url)];
    for (const [at, expected] of ["100-continue", "something"].entries())
      clients[at]?.send(`POST / HTTP/1.1\r\nHost: test\r\nExpect: ${expected}\r\nContent-Length: 0\r\n\r\n`);
    await waitUntil(() => waiting.length === 2, { what: "the requests", everyMs: 1 });
    const drained = drain.start();
    await waitUntil(() => !server.listening, { what: "the end of listening", everyMs: 1 });
    for (const response of waiting) response.end("stored");
    await Promise.all(clients.map(({ closed }) => closed));
    for (const client of clients) expect(client.received()).toMatch(/connection: close[^]*stored$/i);
    expect(await drained).toMatchObject({ isClean: true });
  });
});

describe("the streams of a drain", () => {
  it("are ended: server-sent events and upgraded connections", { timeout: 4_000 }, async () => {
    const { server, url } = await serve((request, response) => {
      if (request.url === "/raw") response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
      else response.setHeader("content-type", "text/event-stream").write("data: 1\n\n");
    });
    server.on("upgrade", (_request, socket: Socket) => void socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
    const drain = drainOf({ deadlineMs: 60_000 });
    drain.attach(server);
    const accept = { headers: { accept: "text/event-stream" } };
    const streams = [await fetch(url, accept), await fetch(`${url}/raw`, accept)];
    const upgraded = await rawClient(url);
    upgraded.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    await waitUntil(() => upgraded.received().includes("101"), { what: "the upgrade" });
    const order: string[] = [];
    drain.defer("hub", () => order.push("hub"), { stage: "streams" });
    drain.defer("redis", () => order.push("redis"));
    const drained = drain.start();
    expect(await Promise.all(streams.map((stream) => stream.text()))).toEqual(["data: 1\n\n", "data: 1\n\n"]);
    await upgraded.closed;
    expect(await drained).toMatchObject({ isClean: true, streamsEnded: 3, requestsAborted: 0 });
    expect(order).toEqual(["hub", "redis"]);
  });

  it("that write once more after their end do not end the process", async () => {
    let stream: ServerResponse | undefined;
    const { server, url } = await serve((_request, response) => {
      stream = response;
      response.setHeader("content-type", "text/event-stream").write("x".repeat(8 * 1024 * 1024));
    });
    const drain = drainOf();
    drain.attach(server);
    const slow = await rawClient(url);
    slow.socket.pause();
    slow.send(GET);
    await waitUntil(() => stream !== undefined, { what: "the stream" });
    const drained = drain.start();
    await waitUntil(() => stream?.writableEnded === true, { what: "the end of the stream" });
    stream?.write("data: 1\n\n");
    slow.socket.resume();
    await slow.closed;
    expect(await drained).toMatchObject({ isClean: true, streamsEnded: 1 });
  });

  it("leave a server without upgrades as it is: the request is an ordinary one", async () => {
    const { server, url } = await serve((_request, response) => void response.end("plain"));
    const drain = drainOf();
    drain.attach(server);
    const ask = async (): Promise<string> => {
      const client = await rawClient(url);
      client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n");
      await client.closed;
      return client.received();
    };
    expect(await ask()).toContain("plain");
    // A library that takes its listener off when it closes leaves none of ours on the server.
    const onUpgrade = (_request: unknown, socket: Socket): void => void socket.end("upgraded");
    server.on("upgrade", onUpgrade);
    expect(await ask()).toBe("upgraded");
    server.off("upgrade", onUpgrade);
    expect(await ask()).toContain("plain");
  });
});

describe("the resources of a drain", () => {
  it("are closed one after the other, the last one first, after the requests", async () => {
    const { server, url, waiting, arrived } = await serveManually();
    const order: string[] = [];
    const drain = drainOf({}, () => order.push("checks"));
    drain.attach(server);
    drain.defer("postgres", () => order.push("postgres"));
    drain.defer("cache", async () => {
      await new Promise((resolve) => setImmediate(resolve));
      order.push("cache");
      drain.defer("opened meanwhile", () => order.push("opened meanwhile"));
    });
    drain.defer("closed before", () => order.push("closed before"))();
    const answer = fetch(url).then((response) => order.push(`request ${response.status}`));
    await arrived(1);
    const drained = drain.start();
    waiting[0]?.end();
    const { resources } = await drained;
    await answer;
    expect(order).toEqual(["request 200", "checks", "cache", "opened meanwhile", "postgres"]);
    expect(resources.map(({ name }) => name)).toEqual(["cache", "opened meanwhile", "postgres"]);
  });

  it("that fail, throw or hang hold nothing up, and are in the report", async () => {
    const drain = drainOf();
    drain.defer("last", () => undefined);
    drain.defer("hangs", () => new Promise(() => undefined), { timeoutMs: 10 });
    drain.defer("throws", () => {
      throw new Error("at redis://:s3cret@cache");
    });
    drain.defer("rejects", () => Promise.reject(undefined));
    const { resources, isClean } = await drain.start();
    expect(isClean).toBe(false);
    expect(resources).toMatchObject([
      { name: "rejects", outcome: "failed", output: "threw undefined" },
      { name: "throws", outcome: "failed", output: "at redis://***@cache" },
      { name: "hangs", outcome: "timed-out" },
      { name: "last", outcome: "closed" },
    ]);
  });

  it("are all closed when the requests have used up their time, each within what is left", async () => {
    const { server, url, arrived } = await serveManually();
    const drain = drainOf({ deadlineMs: 200 });
    drain.attach(server);
    const hanging = fetch(url).catch(() => undefined);
    await arrived(1);
    for (const name of ["a", "b", "c"]) drain.defer(name, () => new Promise(() => undefined), { timeoutMs: 60_000 });
    const { resources, durationMs } = await drain.start();
    await hanging;
    expect(resources.map(({ outcome }) => outcome)).toEqual(["timed-out", "timed-out", "timed-out"]);
    expect(durationMs).toBeLessThan(2_000);
  });

  it("that are opened after the drain are closed at once", async () => {
    const drain = drainOf();
    await drain.start();
    const closed = new Promise<void>((resolve) => void drain.defer("late", resolve));
    await closed;
  });
});

describe("Drainer", () => {
  it("drains once for several calls, and publishes start and end", async () => {
    const seen: unknown[] = [];
    const stops = [
      drainStart.subscribe(({ reason }) => void seen.push(reason)),
      drainEnd.subscribe(({ isClean }) => void seen.push(isClean)),
    ];
    const drain = drainOf();
    expect(drain.isDraining).toBe(false);
    const [first, second] = [drain.start({ reason: "deploy" }), drain.start()];
    expect(drain.isDraining).toBe(true);
    expect(await first).toBe(await second);
    for (const stop of stops) stop();
    expect(seen).toEqual(["deploy", true]);
  });

  it("ends for servers that do not listen, that were closed, and that are attached late", async () => {
    const drain = drainOf({ deadlineMs: 2_000 });
    drain.attach(createServer());
    const { server } = await serve((_request, response) => void response.end());
    drain.attach(server);
    drain.attach(server);
    server.close();
    const drained = drain.start({ delayMs: 50 });
    const during = await serve((_request, response) => void response.end("ok"));
    drain.attach(during.server);
    expect((await fetch(during.url)).headers.get("connection")).toBe("close");
    expect(await drained).toMatchObject({ isClean: true, requestsAborted: 0 });
    const after = await serve((_request, response) => void response.end());
    drain.attach(after.server);
    await waitUntil(() => !after.server.listening, { what: "the end of listening" });
  });

  it("closes a server that begins to listen when it has been stopped: SIGTERM may come while a process starts", async () => {
    const drain = drainOf();
    const server = createServer((_request, response) => void response.end());
    drain.attach(server);
    expect(await drain.start()).toMatchObject({ isClean: true });
    const closed = once(server, "close");
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = (server.address() ?? { port: 0 }) as AddressInfo;
    await closed;
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow("fetch failed");
  });

  it("finds servers at their first request, and follows that request already", async () => {
    const drain = drainOf();
    const stop = drain.attachAll({ balancerIdleMs: 90_000 });
    const { server, url, waiting, arrived } = await serveManually();
    const answer = fetch(url);
    await arrived(1);
    stop();
    expect(server.keepAliveTimeout).toBe(95_000);
    const drained = drain.start();
    waiting[0]?.end("ok");
    expect((await answer).headers.get("connection")).toBe("close");
    expect(await drained).toMatchObject({ isClean: true });
    const other = await serve((_request, response) => void response.end());
    await fetch(other.url);
    expect(other.server.keepAliveTimeout).toBe(5_000);
  });

  it("reports a server whose timeouts were lowered again", async () => {
    const { server } = await serve((_request, response) => void response.end());
    const drain = drainOf();
    drain.attach(server);
    expect(drain.findings()).toEqual([]);
    server.keepAliveTimeout = 5_000;
    expect(drain.findings()).toEqual([expect.stringContaining("keepAliveTimeout of the HTTP server")]);
  });

  it.each<[RegExp, (drain: Drainer) => unknown]>([
    [/drain.attach: balancerIdleMs/, (drain) => drain.attach(createServer(), { balancerIdleMs: 0 })],
    [/drain.defer\("a"\): stage/, (drain) => drain.defer("a", () => 1, { stage: "first" as "streams" })],
    [/drain.onSignals: signals/, (drain) => drain.onSignals({ signals: ["SIGKILL" as "SIGTERM"] })],
    [/drain.start: delayMs/, (drain) => drain.start({ delayMs: -1 })],
  ])("names a wrong option: %s", (message, call) => {
    expect(() => call(drainOf())).toThrow(message);
  });
});
