import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect as connectHttp2, createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import { createServer as createHttpsServer, get } from "node:https";
import type { AddressInfo } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { ServerTracker } from "./server-tracker.js";

describe("ServerTracker of HTTP/2", () => {
  it("tells sessions to end, and finishes their streams", { timeout: 5_000 }, async () => {
    const server = createHttp2Server();
    const tracker = new ServerTracker(server);
    const asked = once(server, "stream");
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    onTestFinished(() => client.destroy());
    const goAway = once(client, "goaway");
    const request = client.request({ ":path": "/" });
    const [stream] = (await asked) as [ServerHttp2Stream];
    const stopped = tracker.stop();
    await goAway;
    stream.respond({ ":status": 200 });
    stream.end("ok");
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += String(chunk);
    expect(text).toBe("ok");
    client.close();
    await stopped;
    expect(tracker.destroy()).toBe(0);
  });
});

describe("ServerTracker of HTTPS", () => {
  const made = spawnSync("openssl", [
    ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -keyout - -out - -subj /CN=localhost".split(
      " ",
    ),
  ]);

  it.skipIf(made.status !== 0)(
    "does not wait for connections that never sent a request",
    { timeout: 5_000 },
    async () => {
      const pem = made.stdout.toString();
      const server = createHttpsServer({ key: pem, cert: pem }, (_request, response) => void response.end("ok"));
      const tracker = new ServerTracker(server);
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const unused = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
      unused.on("error", () => undefined);
      const closed = new Promise((resolve) => unused.once("close", resolve));
      await once(unused, "secureConnect");
      const [response] = await once(get({ port, host: "127.0.0.1", rejectUnauthorized: false }), "response");
      response.resume();
      await once(response, "end");
      await tracker.stop();
      await closed;
    },
  );
});
