import { expect, it } from "vitest";
import { type IoredisSubscriber, subscription } from "./subscriber.js";

function fakeClient() {
  const left: string[][] = [];
  const client: IoredisSubscriber = {
    status: "ready",
    subscribe: async () => undefined,
    unsubscribe: async (...channels) => left.push(channels),
    on: () => undefined,
    off: () => undefined,
  };
  return { client, left };
}

it("leaves a channel when the last subscription of the client that names it ends", () => {
  const { client, left } = fakeClient();
  const on = { message: () => undefined, lost: () => undefined };
  const [one, two] = [subscription(client, ["a", "b"], on), subscription(client, ["b"], on)];
  one.end();
  expect(left).toEqual([["a"]]);
  two.end();
  expect(left).toEqual([["a"], ["b"]]);
});
