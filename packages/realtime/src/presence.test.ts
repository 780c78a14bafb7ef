import { describe, expect, it, vi } from "vitest";
import { closing, join } from "../test/sink.js";
import { createHub, memoryHub } from "./index.js";

const acme = { tenantId: "acme" };
const until = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, 5000);

describe("presence", () => {
  it("counts the connections of a topic over all processes, for topics that ask for it", async () => {
    const store = memoryHub();
    const open = () =>
      closing(
        createHub({
          store,
          heartbeat: 20,
          topics: { "room.{id}": { authorize: () => true, presence: true }, news: { authorize: () => true } },
        }),
      );
    const [a, b] = [open(), open()];
    const topics = ["room.1", "news"];
    const clients = [await join(a, { topics }), await join(a, { topics }), await join(b, { topics })];
    await join(b, { topics: ["room.2"] });
    await join(b, { topics, tenantId: "other" });
    await until(async () => expect(await b.presence("room.1", acme)).toBe(3));
    clients[0]?.leave();
    clients[2]?.leave();
    await until(async () => expect(await a.presence("room.1", acme)).toBe(1));
    await a.drain({ deadline: 10 });
    expect(await b.presence("room.1", acme)).toBe(0);
    expect(await b.presence("room.2", acme)).toBe(1);
    await expect(b.presence("news", acme)).rejects.toThrow(/expected a topic with presence: true/);
  });
});
