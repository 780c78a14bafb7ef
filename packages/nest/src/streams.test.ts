import type { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { Controller, Get, type MessageEvent, Req, Res, Sse, StreamableFile } from "@nestjs/common";
import { tenancy } from "@scale/core";
import type { HttpGuard } from "@scale/http";
import { concatMap, from, interval, map, Observable, of, take } from "rxjs";
import { describe, expect, it } from "vitest";
import { ScaleModule } from "./scale.module.js";
import { platforms, start } from "../test/start.js";
import { bindToTenant } from "./streams.js";

const currentTenant = () => `${tenancy.current()?.tenantId ?? "nobody"}\n`;
const event = (): MessageEvent => ({ data: currentTenant().trim() });

async function* lines(): AsyncGenerator<string> {
  for (let line = 0; line < 3; line++) {
    yield currentTenant();
    await Promise.resolve();
  }
}

const bytes = (): ReadableStream<Uint8Array> => {
  let line = 0;
  return new ReadableStream(
    {
      pull(controller) {
        controller.enqueue(new TextEncoder().encode(currentTenant()));
        line += 1;
        if (line === 3) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
};

const probed: string[] = [];

@Controller()
class StreamController {
  @Get("file") file(): StreamableFile {
    return new StreamableFile(Readable.from(lines(), { objectMode: false }));
  }
  @Get("later") async later(): Promise<StreamableFile> {
    await Promise.resolve();
    return this.file();
  }
  @Get("generator") generator(): AsyncGenerator<string> {
    return lines();
  }
  @Get("readable") readable(): Readable {
    return Readable.from(lines());
  }
  @Get("response") response(): Response {
    return new Response(bytes(), { headers: { "content-type": "text/plain" } });
  }
  @Get("web") web(): ReadableStream<Uint8Array> {
    return bytes();
  }
  @Get("observable") observable(): Observable<string> {
    return new Observable<string>((subscriber) => {
      setImmediate(() => {
        subscriber.next(`${currentTenant()}${currentTenant()}${currentTenant()}`);
        subscriber.complete();
      });
    });
  }
  @Sse("sse") sse(): Observable<MessageEvent> {
    return interval(1).pipe(take(3), map(event));
  }
  @Sse("sse/generator") async sseGenerator(): Promise<Observable<MessageEvent>> {
    await Promise.resolve();
    return of(1, 2, 3).pipe(concatMap(() => from(Promise.resolve().then(event))));
  }
  @Get("events") events(@Req() request: Raw, @Res() response: Raw & { send(body: string): void }): void {
    for (const emitter of [request.raw ?? request, response.raw ?? response]) {
      emitter.on("probe", () => probed.push(currentTenant()));
      // As a connection does when it drains this response after another one.
      tenancy.run({ tenantId: "another" }, () => emitter.emit("probe"));
    }
    response.send("ok");
  }
}

type Raw = EventEmitter & { raw?: EventEmitter };

const asHeader: HttpGuard = async (facts) => ({ tenant: { tenantId: facts.header("x-tenant") ?? "nobody" } });

describe.each(platforms)("a streamed body on %s", (_, newAdapter) => {
  const serve = () =>
    start(newAdapter, {
      imports: [ScaleModule.forRoot({ guards: { asHeader }, globalGuards: ["asHeader"] })],
      controllers: [StreamController],
    });
  const get = async (url: string) => (await fetch(url, { headers: { "x-tenant": "acme" } })).text();

  it.each(["file", "later", "generator", "readable", "response", "web", "observable"])(
    "is produced for the tenant: %s",
    async (path) => {
      expect(await get(`${await serve()}/${path}`)).toBe("acme\nacme\nacme\n");
    },
  );

  it.each(["sse", "sse/generator"])("emits its events for the tenant: %s", async (path) => {
    const text = await get(`${await serve()}/${path}`);
    expect(text.match(/data: \w+/g)).toEqual(["data: acme", "data: acme", "data: acme"]);
  });

  it("runs listeners of request and response for the tenant", async () => {
    probed.length = 0;
    expect(await get(`${await serve()}/events`)).toBe("ok");
    expect(probed).toEqual(["acme\n", "acme\n"]);
  });
});

describe("bindToTenant", () => {
  it("returns a fetched response unchanged, because Nest must receive the object itself", async () => {
    const fetched = await fetch("data:text/plain,ok");
    expect(bindToTenant({ tenantId: "acme" }, fetched)).toBe(fetched);
  });

  it("returns everything else unchanged", () => {
    const body = { items: [1] };
    expect(bindToTenant({ tenantId: "acme" }, body)).toBe(body);
    expect(bindToTenant({ tenantId: "acme" }, null)).toBeNull();
  });
});
