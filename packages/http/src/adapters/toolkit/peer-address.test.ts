import { connect } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { listen } from "../../testing.js";
import { toExpress } from "../express.js";

it("knows the address of a client that has hung up before the guard ran", async () => {
  const seen: (string | undefined)[] = [];
  const middleware = toExpress(({ remoteAddress }) => {
    seen.push(remoteAddress);
    return {};
  });
  let arrived = (): void => undefined;
  const inHandler = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  let handled = (): void => undefined;
  const over = new Promise<void>((resolve) => {
    handled = resolve;
  });
  const { url, close } = await listen((request, response) => {
    arrived();
    response.once("close", () => void middleware(request, response, () => handled()));
  });
  onTestFinished(close);
  const socket = connect(Number(new URL(url).port), "127.0.0.1").on("error", () => undefined);
  socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await inHandler;
  socket.destroy();
  await over;
  expect(seen).toEqual([expect.stringContaining("127.0.0.1")]);
});
