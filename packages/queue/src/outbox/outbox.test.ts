import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { collector } from "../../scenarios/collector.js";
import { drizzleDatabase, pgDatabase, prismaDatabase, type TestDatabase } from "../../scenarios/databases.js";
import { createOutbox, type Outbox } from "./outbox.js";
import { createOutboxRelay } from "./relay.js";

const server = inject("postgresUrl");

/** Ids that need quoting, are no text of Postgres, or are longer than an index entry. */
const TENANTS = ["acme", "a:b", "{a}", "a b", "__proto__", "#1", "\u043a\u043b", "\u0001 \u{1f642}", "漢".repeat(1024)];
const PAYLOADS = [null, false, 0, -0.5, 1e21, "", "nul \0 half \ud800", [], { b: 1, a: { "": [null, "x"] } }];

function describeOutbox<Tx>(name: string, open: () => Promise<TestDatabase<Tx>>): void {
  describe.skipIf(!server)(`outbox on ${name}`, () => {
    let database: TestDatabase<Tx>;
    let outbox: Outbox<Tx>;
    beforeAll(async () => {
      database = await open();
      outbox = createOutbox({ client: database.client });
    });
    afterAll(() => database.close());

    const stored = async (): Promise<number> => {
      const { rows } = await database.pool.query<{ n: number }>("select count(*)::int as n from scale_outbox");
      return rows[0]?.n ?? -1;
    };

    it("shows a message with the commit of its transaction, and not before", async () => {
      const inside = await database.transaction(async (tx) => {
        await outbox.write(tx, { kind: "seen", tenantId: "acme", payload: 1 });
        return stored();
      });
      expect([inside, await stored()]).toEqual([0, 1]);
      await database.pool.query("delete from scale_outbox");
    });

    it("stores nothing when the transaction rolls back", async () => {
      const failed = database.transaction(async (tx) => {
        await outbox.write(tx, { kind: "undone", tenantId: "acme", payload: 1 });
        throw new Error("rolled back by the test");
      });
      await expect(failed).rejects.toThrow("rolled back by the test");
      expect(await stored()).toBe(0);
    });

    it("delivers every tenant id and payload unchanged, in the order of one topic", async () => {
      const messages = TENANTS.flatMap((tenantId) =>
        PAYLOADS.map((payload) => ({ kind: "exact", tenantId, topic: "t", payload })),
      );
      await database.transaction((tx) => outbox.writeMany(tx, messages));
      const { deliver, messages: seen, count } = collector();
      const relay = createOutboxRelay({ outbox, deliver: { exact: deliver }, pollMs: 5 });
      await count(messages.length);
      await relay.close();
      for (const tenantId of TENANTS) {
        const payloads = seen.filter((message) => message.tenantId === tenantId).map(({ payload }) => payload);
        expect(payloads).toEqual(PAYLOADS);
      }
      expect(await stored()).toBe(0);
    });

    it("refuses the application's own client in place of a transaction", async () => {
      const message = { kind: "exact", tenantId: "acme", payload: 1 };
      await expect(outbox.write(database.own, message)).rejects.toThrow("tx: expected the client of a transaction");
    });
  });
}

describeOutbox("pg", () => pgDatabase(server, "queue_outbox_pg"));
describeOutbox("Drizzle", () => drizzleDatabase(server, "queue_outbox_drizzle"));
describeOutbox("Prisma", () => prismaDatabase(server, "queue_outbox_prisma"));

describe("createOutbox", () => {
  const outbox = createOutbox({
    client: {
      name: "none",
      run: async () => [],
      inTransaction: () => async () => [],
      transaction: (work) => work(async () => []),
    },
  });
  const message = { kind: "k", tenantId: "acme", payload: 1 };

  it.each([
    ["a payload without JSON", { ...message, payload: undefined }, "SCALE_INPUT"],
    ["an empty kind", { ...message, kind: "" }, "SCALE_INPUT"],
    ["a topic with NUL", { ...message, topic: "a\0" }, "SCALE_INPUT"],
    ["an id that is no UUID", { ...message, id: "1" }, "SCALE_INPUT"],
    ["an empty tenant", { ...message, tenantId: "" }, "SCALE_TENANT"],
    ["more than 1 MiB", { ...message, payload: "x".repeat(1_048_575) }, "SCALE_PAYLOAD_TOO_LARGE"],
  ])("rejects %s", async (_what, wrong, code) => {
    await expect(outbox.write({}, wrong)).rejects.toMatchObject({ code });
  });

  it("gives each message a UUID, and keeps the one it was given", async () => {
    const id = "0190b8f0-0000-7000-8000-000000000000";
    expect(await outbox.write({}, { ...message, id })).toBe(id);
    expect(await outbox.write({}, message)).toMatch(/^[0-9a-f-]{36}$/);
  });
});
