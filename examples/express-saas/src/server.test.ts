import { once } from "node:events";
import { Agent, type IncomingMessage, request, type ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { startServer } from "./server.js";

/** A server whose responses are ended by the test. */
async function startManualServer() {
  const waiting: ServerResponse[] = [];
  const server = await startServer((_request, response) => void waiting.push(response), 0);
  const agent = new Agent({ keepAlive: true });
  async function ask(): Promise<IncomingMessage> {
    const [response] = await once(request(server.url, { agent }).end(), "response");
    response.resume();
    return response;
  }
  return { server, waiting, agent, ask };
}

const until = async (check: () => boolean): Promise<void> => {
  while (!check()) await new Promise((resolve) => setImmediate(resolve));
};

describe("startServer", () => {
  // Shorter than the keep-alive timeout of Node, five seconds.
  it("finishes requests in flight before it closes, and accepts no new ones", { timeout: 3000 }, async () => {
    const { server, waiting, ask } = await startManualServer();
    const answer = ask();
    await until(() => waiting.length === 1);
    let closed = false;
    const closing = server.close(60_000).then(() => {
      closed = true;
    });
    await expect(fetch(server.url)).rejects.toThrow("fetch failed");
    expect(closed).toBe(false);
    waiting[0]?.end("late");
    expect((await answer).statusCode).toBe(200);
    await closing;
  });

  it("does not wait for idle keep-alive connections", { timeout: 3000 }, async () => {
    const { server, waiting, agent, ask } = await startManualServer();
    const answer = ask();
    await until(() => waiting.length === 1);
    waiting[0]?.end();
    await answer;
    await server.close(60_000);
    agent.destroy();
  });

  it("aborts requests that do not finish in time", async () => {
    const { server, waiting, ask } = await startManualServer();
    const answer = ask().then(
      () => "answered",
      (error: Error) => error.message,
    );
    await until(() => waiting.length === 1);
    await server.close(1);
    expect(await answer).toBe("socket hang up");
  });

  it("rejects when the port is taken", async () => {
    const first = await startServer(() => {}, 0);
    await expect(startServer(() => {}, Number(new URL(first.url).port))).rejects.toThrow("EADDRINUSE");
    await first.close(0);
  });
});
