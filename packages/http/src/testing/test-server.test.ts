import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { listen } from "./test-server.js";

const head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n";

describe("listen", () => {
  it.each([
    ["waits for its answer", `${head}123456789`],
    ["has not sent its body to the end", `${head}12345`],
  ])("closes although a connection %s", async (_, bytes) => {
    let arrived = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const { url, close } = await listen(() => arrived());
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    // Cut off with a reset or an end, whichever the system makes of it.
    socket.on("error", () => undefined).resume();
    const cut = once(socket, "close");
    socket.write(bytes);
    await asked;
    await close();
    await cut;
    expect(socket.bytesRead).toBe(0);
  });
});
