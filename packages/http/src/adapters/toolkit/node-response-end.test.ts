import { IncomingMessage, ServerResponse } from "node:http";
import { connect, Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { listen } from "../../testing.js";
import { onResponseEnd } from "./node-response-end.js";

// The request and response of serverless-express 4, as far as the end of a response depends on them.
function serverless(request: object | undefined): ServerResponse {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  const written: unknown[] = [];
  const nothing = (): void => undefined;
  Object.assign(response, { req: request });
  response.assignSocket({
    _writableState: {},
    writable: true,
    on: nothing,
    removeListener: nothing,
    destroy: nothing,
    cork: nothing,
    uncork: nothing,
    write(data: unknown, encoding: unknown, done: unknown) {
      written.push(data);
      const callback = typeof encoding === "function" ? encoding : done;
      if (typeof callback === "function") callback();
    },
  } as never);
  return response;
}

describe("onResponseEnd without a socket", () => {
  it.each([
    ["a request with a fake socket", { socket: { encrypted: true, remoteAddress: "192.0.2.1", destroy() {} } }],
    ["a request without a socket", { method: "GET" }],
    ["no request", undefined],
  ])("calls back when the response of a serverless runtime has finished, for %s", async (_, request) => {
    const response = serverless(request);
    const ends: unknown[] = [];
    onResponseEnd(response, (end) => ends.push(end));
    expect(ends).toEqual([]);
    const finished = new Promise((resolve) => {
      response.once("finish", resolve);
    });
    response.writeHead(201).end("made");
    await finished;
    expect(ends).toEqual([{ status: 201, complete: true }]);
  });

  it("calls back before it throws for a response that cannot be watched", () => {
    const ends: unknown[] = [];
    for (let request = 0; request < 2; request++) {
      expect(() => onResponseEnd({ statusCode: 200 } as never, (end) => ends.push(end))).toThrow(TypeError);
    }
    expect(ends).toEqual([
      { status: undefined, complete: false },
      { status: undefined, complete: false },
    ]);
  });
});

describe("onResponseEnd", () => {
  it("calls back for each pipelined request when their connection breaks", async () => {
    const seen: string[] = [];
    let all = (): void => undefined;
    const bothOver = new Promise<void>((resolve) => {
      all = resolve;
    });
    let arrived = (): void => undefined;
    const bothArrived = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const waiting: ServerResponse[] = [];
    const { url, close } = await listen((request, response) => {
      onResponseEnd(response, () => {
        if (seen.push(request.url ?? "") === 2) all();
      });
      if (waiting.push(response) === 2) arrived();
    });
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write("GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n");
    await bothArrived;
    socket.destroy();
    await bothOver;
    expect(seen).toEqual(["/1", "/2"]);
    await close();
  });

  it("supports any number of callbacks, and leaves no listener on a connection that stays open", () => {
    const socket = new Socket();
    const warned: Error[] = [];
    const note = (warning: Error) => void warned.push(warning);
    process.on("warning", note);
    let calls = 0;
    for (let request = 0; request < 20; request++) {
      const response = new ServerResponse(new IncomingMessage(socket));
      for (let caller = 0; caller < 20; caller++) onResponseEnd(response, () => calls++);
      // A response that is aborted emits only `close`.
      if (request % 2 === 0) response.emit("finish");
      response.emit("close");
    }
    process.off("warning", note);
    expect([calls, socket.listenerCount("close"), warned]).toEqual([400, 1, []]);
    socket.emit("close");
    expect(calls).toBe(400);
  });

  it("calls back at once for a response that has ended", async () => {
    const seen: string[] = [];
    const { url, close } = await listen((_request, response) => {
      response.once("finish", () => {
        onResponseEnd(response, () => seen.push("sent"));
        seen.push("returned");
      });
      response.end();
    });
    await (await fetch(url)).text();
    await close();
    const broken = new ServerResponse(new IncomingMessage(new Socket()));
    broken.destroy();
    onResponseEnd(broken, () => seen.push("broken"));
    const left = new ServerResponse(new IncomingMessage(new Socket().destroy()));
    onResponseEnd(left, () => seen.push("left"));
    expect(seen).toEqual(["sent", "returned", "broken", "left"]);
  });
});
