import { IncomingMessage, ServerResponse } from "node:http";
import { connect, Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { endsOnce, onResponseEnd } from "./on-end.js";
import { listen } from "./testing.js";

describe("whenOver", () => {
  it("hears that a connection broke which still had pipelined requests to answer", async () => {
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

  it("is for any number of callers, and leaves nothing on a connection that stays open", () => {
    const socket = new Socket();
    const warned: Error[] = [];
    const note = (warning: Error) => void warned.push(warning);
    process.on("warning", note);
    let calls = 0;
    for (let request = 0; request < 20; request++) {
      const response = new ServerResponse(new IncomingMessage(socket));
      for (let caller = 0; caller < 20; caller++) onResponseEnd(response, () => calls++);
      // A response that breaks off emits the second alone.
      if (request % 2 === 0) response.emit("finish");
      response.emit("close");
    }
    process.off("warning", note);
    expect([calls, socket.listenerCount("close"), warned]).toEqual([400, 1, []]);
    socket.emit("close");
    expect(calls).toBe(400);
  });

  it("calls at once for a response that is over", async () => {
    const seen: string[] = [];
    const { url, close } = await listen((_request, response) => {
      response.once("finish", () => {
        onResponseEnd(response, () => seen.push("sent"));
        seen.push("told");
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
    expect(seen).toEqual(["sent", "told", "broken", "left"]);
  });
});

describe("endsOnce", () => {
  it("hears the signal of a request, whose body nobody reads then", () => {
    const abort = new AbortController();
    let calls = 0;
    const end = endsOnce(() => calls++, abort.signal);
    abort.abort();
    end();
    expect(calls).toBe(1);
    endsOnce(() => calls++, abort.signal)();
    expect(calls).toBe(2);
  });
});
