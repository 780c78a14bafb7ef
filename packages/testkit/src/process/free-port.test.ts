import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { freePort, isFree } from "./free-port.js";

describe("freePort", () => {
  it("returns ports that a server can bind, none twice, below the range of outgoing connections", async () => {
    const ports = await Promise.all(Array.from({ length: 50 }, () => freePort()));
    expect(new Set(ports).size).toBe(50);
    expect(Math.max(...ports)).toBeLessThan(32_768);
    const server = createServer().listen(ports[0], "127.0.0.1");
    await once(server, "listening");
    server.close();
  });

  it("returns only ports that fit", async () => {
    expect((await freePort((port) => port % 7 === 0)) % 7).toBe(0);
  });

  it("gives up when no port fits", async () => {
    await expect(freePort(() => false)).rejects.toThrow("no free port");
  });

  it("takes a port with a listener for taken", async () => {
    const port = await freePort();
    const server = createServer().listen(port, "127.0.0.1");
    await once(server, "listening");
    expect(await isFree(port)).toBe(false);
    server.close();
    await once(server, "close");
    expect(await isFree(port)).toBe(true);
  });
});
