import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { closing } from "../../test/sink.js";
import { createHub, memoryHub } from "../index.js";
import type { TopicData, TopicName, TopicParams } from "./types.js";

interface Data {
  news: string;
  "orders.{orderId}": { total: number };
  "a.{x}.b.{y}": boolean;
}

describe("the types of topics", () => {
  it("map a name to the data of its pattern", () => {
    expectTypeOf<TopicName<keyof Data>>().toEqualTypeOf<"news" | `orders.${string}` | `a.${string}.b.${string}`>();
    expectTypeOf<TopicData<Data, "orders.42">>().toEqualTypeOf<{ total: number }>();
    expectTypeOf<TopicData<Data, "a.1.b.2">>().toEqualTypeOf<boolean>();
    expectTypeOf<TopicParams<"a.{x}.b.{y}">>().toEqualTypeOf<{ readonly x: string; readonly y: string }>();
  });

  it("come from the schema and the pattern of a definition", async () => {
    interface Staff {
      readonly tenantId: string;
      readonly role: string;
    }
    const hub = closing(
      createHub({
        store: memoryHub(),
        topics: {
          "orders.{orderId}": {
            schema: z.object({ total: z.number() }),
            authorize: (principal: Staff, { orderId }) => principal.role === orderId,
            coalesce: ({ total }) => String(total),
          },
          free: { authorize: () => true },
        },
      }),
    );
    const acme = { tenantId: "acme" };
    await hub.publish("orders.1", { total: 1 }, acme);
    await hub.publish("free", { any: "thing" }, acme);
    // @ts-expect-error -- the schema says a number
    await expect(hub.publish("orders.1", { total: "1" }, acme)).rejects.toMatchObject({ code: "SCALE_INPUT" });
    // @ts-expect-error -- there is no such topic
    await expect(hub.publish("order.1", { total: 1 }, acme)).rejects.toMatchObject({ code: "SCALE_TOPIC" });
    // @ts-expect-error -- the principal of the definitions has a role
    expect(await hub.connect({ principal: acme, topics: ["free"] })).toMatchObject({ admitted: true });
  });
});
