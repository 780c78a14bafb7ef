import { createServer } from "node:http";
import { describe, expect, it } from "vitest";
import { keepAliveFindings, raiseKeepAlive } from "./keep-alive.js";

describe("raiseKeepAlive", () => {
  it("sets the timeouts of a server above the balancer's, after which nothing is found", () => {
    const server = createServer();
    const found = keepAliveFindings(server, 60_000).map(({ setting, actualMs }) => [setting, actualMs]);
    expect(found).toEqual([
      ["keepAliveTimeout", 5_000],
      ["headersTimeout", 60_000],
    ]);
    raiseKeepAlive(server, 60_000);
    expect(server).toMatchObject({ keepAliveTimeout: 65_000, headersTimeout: 65_000, requestTimeout: 300_000 });
    expect(keepAliveFindings(server, 60_000)).toEqual([]);
  });

  it("lowers none, leaves a server without timeouts alone, and raises what a balancer of ten minutes needs", () => {
    const longer = { keepAliveTimeout: 90_000, headersTimeout: 0, requestTimeout: 300_000 };
    raiseKeepAlive(longer, 60_000);
    expect(longer).toEqual({ keepAliveTimeout: 90_000, headersTimeout: 0, requestTimeout: 300_000 });
    raiseKeepAlive(longer, 600_000);
    expect(longer).toEqual({ keepAliveTimeout: 605_000, headersTimeout: 0, requestTimeout: 605_000 });
  });

  it("finds a timeout for sockets without traffic, and leaves it: it is the application's", () => {
    const server = createServer();
    server.timeout = 30_000;
    raiseKeepAlive(server, 60_000);
    expect(keepAliveFindings(server, 60_000)).toMatchObject([
      { setting: "timeout", message: expect.stringMatching(/expected more than the 60000 ms .* got 30000 ms/) },
    ]);
  });
});
