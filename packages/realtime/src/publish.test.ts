import { tenancy } from "@scale/core";
import { describe, expect, it, vi } from "vitest";
import { faultyStore } from "../test/faulty-store.js";
import { closing, join } from "../test/sink.js";
import {
  createHub,
  type DeliveredMessage,
  memoryHub,
  type OutboxLike,
  type OutboxMessage,
  PayloadTooLarge,
  type StandardSchema,
} from "./index.js";

const acme = { tenantId: "acme" };
const until = (check: () => void): Promise<void> => vi.waitFor(check, 5000);

/** A schema as zod has it, without zod: numbers as text become numbers. */
const amount: StandardSchema<{ amount: number | string }> = {
  "~standard": {
    version: 1,
    vendor: "test",
    async validate(value) {
      const { amount: given } = value as { amount: unknown };
      const number = Number(given);
      if (Number.isNaN(number)) return { issues: [{ message: "expected a number", path: ["amount"] }] };
      return { value: { amount: number } };
    },
  },
};

interface Transaction {
  readonly written: OutboxMessage[];
}

/** An outbox whose messages exist after the commit only. */
function createOutbox(): OutboxLike<Transaction> & { commit(tx: Transaction): DeliveredMessage[] } {
  let ids = 0;
  return {
    write: async (tx, message) => tx.written.push(message),
    commit: ({ written }) =>
      written.splice(0).map(({ id = `id-${ids++}`, tenantId, topic, payload }) => ({ id, tenantId, topic, payload })),
  };
}

function hubWith(store = memoryHub()) {
  const outbox = createOutbox();
  const topics = {
    news: { authorize: () => true },
    paid: { authorize: () => true, schema: amount },
    "orders.{id}": { authorize: () => true },
  };
  return { outbox, hub: closing(createHub({ store, outbox, topics, limits: { event: 1000 } })) };
}

describe("publish", () => {
  it("sends what the schema made of the data, and rejects what it refuses", async () => {
    const { hub } = hubWith();
    const { sink } = await join(hub, { topics: ["paid"] });
    await hub.publish("paid", { amount: "7" }, acme);
    await until(() => expect(sink.values()).toEqual([{ amount: 7 }]));
    await expect(hub.publish("paid", { amount: "x" }, acme)).rejects.toMatchObject({
      code: "SCALE_INPUT",
      message: 'publish: "paid": amount: expected a number',
    });
  });

  it.each([
    ["a Date", { at: new Date(0) }],
    ["a Map", new Map()],
    ["a bigint", [1n]],
    ["NaN", { a: { b: Number.NaN } }],
    ["undefined", undefined],
    ["-0", -0],
    ["an object with toJSON", { toJSON: (): number => 1 }],
    ["a function", () => 1],
    ["a class instance", new URL("http://localhost")],
  ])("rejects %s, which JSON would change", async (_what, data) => {
    const { hub } = hubWith();
    await expect(hub.publish("news", data, acme)).rejects.toMatchObject({ code: "SCALE_INPUT" });
  });

  it("rejects a cycle and very deep data, and keeps every string as it is", async () => {
    const { hub } = hubWith();
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    await expect(hub.publish("news", cycle, acme)).rejects.toMatchObject({ code: "SCALE_INPUT" });
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    await expect(hub.publish("news", deep, acme)).rejects.toMatchObject({ code: "SCALE_INPUT" });
    const { sink } = await join(hub);
    const strings = ["\r\n\r\ndata: x", "\0", "\u2028", "\ud800", "id: 1\nevent: reset", "\ufeff", { "\n": "\r" }];
    for (const text of strings) await hub.publish("news", text, acme);
    await until(() => expect(sink.values()).toEqual(strings));
    expect(sink.names()).toEqual(["ready", ...strings.map(() => "message")]);
  });

  it("rejects an event above the limit, with both sizes", async () => {
    const { hub } = hubWith();
    const error: unknown = await hub.publish("news", "x".repeat(1000), acme).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PayloadTooLarge);
    expect(error).toMatchObject({ code: "SCALE_PAYLOAD_TOO_LARGE", status: 413, bytes: 1026, maxBytes: 1000 });
  });

  it("takes topics of any characters, and keeps parameters apart", async () => {
    const { hub } = hubWith();
    const topics = ["orders.a:b", "orders.{x}", "orders. ", "orders.\r\n", "orders.__proto__", "orders.\u{1f680}"];
    const { sink } = await join(hub, { topics });
    for (const topic of topics) await hub.publish(topic as "orders.1", topic, acme);
    await until(() => expect(sink.values()).toEqual(topics));
    expect(sink.events.slice(1).map(({ data }) => (data as { topic: string }).topic)).toEqual(topics);
    await expect(hub.publish("orders.a.b", 1, acme)).rejects.toMatchObject({ code: "SCALE_TOPIC" });
    await expect(hub.publish("orders." as "orders.1", 1, acme)).rejects.toMatchObject({ code: "SCALE_TOPIC" });
    await expect(hub.publish(`orders.${"x".repeat(600)}`, 1, acme)).rejects.toMatchObject({ code: "SCALE_TOPIC" });
  });

  it("publishes for the current tenant, once for each id, and for no tenant by default", async () => {
    const { hub } = hubWith();
    const { sink } = await join(hub);
    await tenancy.run(acme, () => hub.publish("news", 1, { id: "x" }));
    await tenancy.run(acme, () => hub.publish("news", 1, { id: "x" }));
    await expect(hub.publish("news", 2)).rejects.toMatchObject({ code: "SCALE_TENANT" });
    await expect(hub.publish("news", 2, { tenantId: "" })).rejects.toMatchObject({ code: "SCALE_TENANT" });
    await hub.publish("news", 3, acme);
    await until(() => expect(sink.values()).toEqual([1, 3]));
  });
});

describe("publish in a transaction", () => {
  it("follows the commit, and a rollback discards it", async () => {
    const { hub, outbox } = hubWith();
    const { sink } = await join(hub, { topics: ["news", "paid"] });
    const [committed, rolledBack]: Transaction[] = [{ written: [] }, { written: [] }];
    await hub.in(committed!).publish("paid", { amount: "5" }, acme);
    await hub.in(rolledBack!).publish("news", "discarded", acme);
    await hub.publish("news", "meanwhile", acme);
    await until(() => expect(sink.values()).toEqual(["meanwhile"]));
    const messages = outbox.commit(committed!);
    expect(await hub.deliver(messages)).toEqual([]);
    // The relay crashed before it noted the delivery.
    expect(await hub.deliver(messages)).toEqual([]);
    await until(() => expect(sink.values()).toEqual(["meanwhile", { amount: 5 }]));
    await hub.publish("news", "end", acme);
    await until(() => expect(sink.values()).toEqual(["meanwhile", { amount: 5 }, "end"]));
  });

  it("rejects what could not be delivered while the caller can still roll back", async () => {
    const { hub } = hubWith();
    const tx: Transaction = { written: [] };
    await expect(hub.in(tx).publish("paid", { amount: "x" }, acme)).rejects.toMatchObject({ code: "SCALE_INPUT" });
    await expect(hub.in(tx).publish("news", new Date(), acme)).rejects.toMatchObject({ code: "SCALE_INPUT" });
    await expect(hub.in(tx).publish("news", "x".repeat(1000), acme)).rejects.toMatchObject({ status: 413 });
    await expect(hub.in(tx).publish("none" as "news", 1, acme)).rejects.toMatchObject({ code: "SCALE_TOPIC" });
    await expect(hub.in(tx).publish("news", 1)).rejects.toMatchObject({ code: "SCALE_TENANT" });
    expect(tx.written).toEqual([]);
  });

  it("keeps the order of a topic when the store fails midway, and gives up only what can never succeed", async () => {
    const store = faultyStore(memoryHub());
    const { hub } = hubWith(store);
    const { sink } = await join(hub, { topics: ["news", "orders.1"] });
    const message = (id: string, topic: string): DeliveredMessage => ({ id, tenantId: "acme", topic, payload: id });
    let calls = 0;
    store.before = (call) => {
      if (call === "append" && ++calls === 3) throw new Error("down");
    };
    const messages = [
      message("a", "news"),
      message("b", "gone"),
      message("c", "orders.1"),
      message("d", "news"),
      message("e", "news"),
    ];
    const failed = await hub.deliver(messages);
    const outcomes = failed.map(({ id, permanent }) => `${id} ${permanent ?? false}`);
    expect(outcomes.toSorted((a, b) => a.localeCompare(b))).toEqual(["b true", "d false", "e false"]);
    expect(
      await hub.deliver(messages.filter(({ id }) => failed.some((each) => each.id === id && each.permanent !== true))),
    ).toEqual([]);
    await until(() => expect(sink.values()).toEqual(["a", "c", "d", "e"]));
    const aborted = await hub.deliver([message("f", "news")], { signal: AbortSignal.abort() });
    expect(aborted).toMatchObject([{ id: "f", permanent: false }]);
  });

  it("needs an outbox", async () => {
    const hub = closing(createHub({ store: memoryHub(), topics: { news: { authorize: () => true } } }));
    await expect(hub.in({} as never).publish("news", 1, acme)).rejects.toMatchObject({ code: "SCALE_CONFIG" });
  });
});
