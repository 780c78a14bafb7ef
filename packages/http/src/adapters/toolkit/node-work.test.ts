import { IncomingMessage, ServerResponse } from "node:http";
import { connect, Socket } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Hold } from "../../types.js";
import { listen } from "../../testing.js";
import { closeWhenBodyStalls } from "./body-stall.js";
import { toExpress } from "../express.js";
import { beginWork, endWork, holdUntilWorkEnds } from "./node-work.js";

/** Serves one request whose client disconnects, with something held for it. */
async function disconnected(handle: (response: ServerResponse) => void = () => undefined) {
  const seen: string[] = [];
  const hold: Hold = { release: () => void seen.push("released"), letExpire: () => void seen.push("expires") };
  let respond = (_response: ServerResponse): void => undefined;
  const closed = new Promise<ServerResponse>((resolve) => {
    respond = resolve;
  });
  let arrived = (): void => undefined;
  const inHandler = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const { url, close } = await listen((_request, response) => {
    holdUntilWorkEnds(response, hold);
    response.once("close", () => respond(response));
    handle(response);
    arrived();
  });
  onTestFinished(close);
  const socket = connect(Number(new URL(url).port), "127.0.0.1").on("error", () => undefined);
  socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await inHandler;
  socket.destroy();
  const response = await closed;
  return { seen, response, hold };
}

describe("a hold of a request whose client has disconnected", () => {
  it("is left to expire, and released when the handler ends the response after all", async () => {
    const { seen, response } = await disconnected();
    expect(seen).toEqual(["expires"]);
    response.end("late");
    response.end();
    expect(seen).toEqual(["expires", "released"]);
  });

  it("is released at once when the handler has ended the response", async () => {
    const { seen } = await disconnected((response) => void response.end(Buffer.alloc(50_000_000)));
    expect(seen).toEqual(["released"]);
  });

  it("is released at once when a stream is piped into the response", async () => {
    const { seen } = await disconnected((response) => void new Readable({ read: () => undefined }).pipe(response));
    expect(seen).toEqual(["released"]);
  });

  it("is released when the handlers that the framework tells of have ended", async () => {
    const ends: (() => void)[] = [];
    const { seen } = await disconnected((response) => {
      for (let i = 0; i < 2; i++) ends.push(beginWork(response) ?? (() => undefined));
    });
    expect(seen).toEqual([]);
    ends[0]?.();
    expect(seen).toEqual([]);
    ends[1]?.();
    expect(seen).toEqual(["released"]);
  });

  it("is released when the handler says that it has ended, before or after", async () => {
    const before = await disconnected((response) => endWork(response));
    expect(before.seen).toEqual(["released"]);
    const after = await disconnected();
    endWork(after.response);
    expect(after.seen).toEqual(["expires", "released"]);
  });

  it("is left to expire too when it is added afterwards", async () => {
    const { seen, response, hold } = await disconnected();
    holdUntilWorkEnds(response, hold);
    response.end();
    expect(seen).toEqual(["expires", "expires", "released", "released"]);
  });

  it("is none for a response for which nothing is held", async () => {
    expect(beginWork(new ServerResponse(new IncomingMessage(new Socket())))).toBeUndefined();
  });
});

describe("toExpress with a next that returns a promise", () => {
  it("holds until the promise has settled", async () => {
    const seen: string[] = [];
    const middleware = toExpress(() => ({ holds: [{ release: () => void seen.push("released") }] }));
    let finish = (_error: Error): void => undefined;
    const work = new Promise<void>((_, reject) => {
      finish = reject;
    });
    let left = (): void => undefined;
    const closed = new Promise<void>((resolve) => {
      left = resolve;
    });
    let arrived = (): void => undefined;
    const inHandler = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const { url, close } = await listen((request, response) => {
      response.once("close", () => left());
      const next: (...args: unknown[]) => unknown = () => {
        arrived();
        return work;
      };
      void middleware(request, response, next);
    });
    onTestFinished(close);
    const socket = connect(Number(new URL(url).port), "127.0.0.1").on("error", () => undefined);
    socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await inHandler;
    socket.destroy();
    await closed;
    expect(seen).toEqual([]);
    finish(new Error("the handler failed"));
    await expect(work).rejects.toThrow("the handler failed");
    expect(seen).toEqual(["released"]);
  });
});

describe("closeWhenBodyStalls", () => {
  const post = async (bytes: string, read: boolean): Promise<string> => {
    let stop = (): void => undefined;
    const { url, close } = await listen((request, response) => {
      stop = closeWhenBodyStalls(request, 40);
      if (read) request.resume();
      setTimeout(() => response.end("done"), 200);
    });
    onTestFinished(close);
    const socket = connect(Number(new URL(url).port), "127.0.0.1").on("error", () => undefined);
    socket.write(`POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 9\r\n\r\n${bytes}`);
    const received = await text(socket).catch(() => "");
    stop();
    return received;
  };

  it("closes the connection of a client that does not send the body it has announced", async () => {
    expect(await post("", true)).toBe("");
    expect(await post("1234", true)).toBe("");
  });

  it("leaves a request alone whose body has arrived, or whose handler does not read it", async () => {
    expect(await post("123456789", true)).toMatch(/done$/);
    expect(await post("1234", false)).toMatch(/done$/);
  });
});
