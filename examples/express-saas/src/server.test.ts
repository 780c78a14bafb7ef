import { describe, expect, it } from "vitest";
import { startServer } from "./server.js";

describe("startServer", () => {
  it("serves on loopback, and rejects when the port is taken", async () => {
    const first = await startServer((_request, response) => void response.end("ok"), 0);
    expect(await (await fetch(first.url)).text()).toBe("ok");
    await expect(startServer(() => {}, Number(new URL(first.url).port))).rejects.toThrow("EADDRINUSE");
    await first.close();
    await expect(fetch(first.url)).rejects.toThrow("fetch failed");
  });
});
