import { StoreError } from "@scale/core";
import { waitUntil } from "@scale/testkit";
import { Client, type Pool } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { collector } from "../../scenarios/collector.js";
import { openPool } from "../../scenarios/databases.js";
import { inTransaction } from "../../scenarios/transaction.js";
import { type PgExecutor, pgClient } from "../sql/pg.js";
import { outboxFail, type OutboxFailed, outboxRefuse, type OutboxRefused } from "./events.js";
import { createOutbox, type Outbox } from "./outbox.js";
import { createOutboxRelay, type OutboxRelay, type OutboxRelayOptions } from "./relay.js";
import type { Deliver, OutboxMessage } from "./types.js";

const server = inject("postgresUrl");

describe.skipIf(!server)("createOutboxRelay", () => {
  let pool: Pool;
  let outbox: Outbox<PgExecutor>;
  beforeAll(async () => {
    pool = await openPool(server, "queue_relay");
    outbox = createOutbox({ client: pgClient(pool), notify: true });
  });
  afterAll(() => pool.end());
  beforeEach(() => pool.query("truncate scale_outbox"));

  const write = (messages: readonly OutboxMessage[]): Promise<readonly string[]> =>
    inTransaction(pool, (tx) => outbox.writeMany(tx, messages));
  const start = (options: Omit<OutboxRelayOptions, "outbox">): OutboxRelay =>
    createOutboxRelay({ pollMs: 5, ...options, outbox });
  const numbered = (tenantId: string, topic: string, count: number): OutboxMessage[] =>
    Array.from({ length: count }, (_, payload) => ({ kind: "event", tenantId, topic, payload }));
  const left = async (): Promise<number> => {
    const { rows } = await pool.query<{ n: number }>("select count(*)::int as n from scale_outbox");
    return rows[0]?.n ?? -1;
  };
  const isEmpty = (): Promise<void> => waitUntil(async () => (await left()) === 0, { what: "an empty outbox" });

  it("delivers each message once and each topic in order, with several relays at once", async () => {
    const { deliver, messages } = collector();
    const relays = [1, 2, 3].map(() => start({ deliver: { event: deliver }, batchSize: 20 }));
    const tenants = Array.from({ length: 12 }, (_, i) => `tenant-${i}`);
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        tenants.flatMap((tenantId) => ["a", "b"].map((topic) => write(numbered(tenantId, `${topic}${round}`, 10)))),
      );
    }
    await isEmpty();
    await Promise.all(relays.map((relay) => relay.close()));
    expect(messages).toHaveLength(1200);
    expect(new Set(messages.map(({ id }) => id)).size).toBe(1200);
    for (const key of new Set(messages.map(({ tenantId, topic }) => `${tenantId} ${topic}`))) {
      const line = messages.filter(({ tenantId, topic }) => `${tenantId} ${topic}` === key);
      expect(line.map(({ payload }) => payload)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
  });

  it("does not let a tenant with a backlog hold up the others", async () => {
    await write(Array.from({ length: 2000 }, (_, payload) => ({ kind: "event", tenantId: "noisy", payload })));
    await write([{ kind: "event", tenantId: "quiet", payload: 0 }]);
    const { deliver, messages, count } = collector();
    const relay = start({ deliver: { event: deliver }, batchSize: 100 });
    await count(2001);
    await relay.close();
    expect(messages.findIndex(({ tenantId }) => tenantId === "quiet")).toBeLessThan(100);
  });

  it("repeats a batch while its destination is down, and goes on with other kinds", async () => {
    const failures: OutboxFailed[] = [];
    const stop = outboxFail.subscribe((failure) => failures.push(failure));
    const ids = await write(numbered("acme", "t", 3));
    await write([{ kind: "other", tenantId: "acme", payload: 1 }]);
    let calls = 0;
    const { deliver, messages, count } = collector();
    const other = collector();
    const down: Deliver = (batch, context) =>
      calls++ < 2 ? Promise.reject(new StoreError("down")) : deliver(batch, context);
    const relay = start({ deliver: { event: down, other: other.deliver } });
    await other.count(1);
    expect(messages).toHaveLength(0);
    await count(3);
    await relay.close();
    stop();
    expect(messages.map(({ id }) => id)).toEqual(ids);
    expect(failures.map(({ kind, messages: n, failures: i }) => [kind, n, i])).toEqual([
      ["event", 3, 1],
      ["event", 3, 2],
    ]);
  });

  it("isolates a message that makes its destination reject, and delivers the others", async () => {
    const refusals: OutboxRefused[] = [];
    const stop = outboxRefuse.subscribe((refusal) => refusals.push(refusal));
    const ids = await write(
      Array.from({ length: 50 }, (_, payload) => ({ kind: "event", tenantId: `t${payload % 5}`, payload })),
    );
    const { deliver, messages, count } = collector();
    const poisoned: Deliver = async (batch, context) => {
      if (batch.some(({ payload }) => payload === 17)) throw new TypeError("cannot read 17");
      return deliver(batch, context);
    };
    const relay = start({ deliver: { event: poisoned } });
    await count(49);
    await waitUntil(() => refusals.length > 0, { what: "the refusal" });
    await relay.close();
    stop();
    expect(messages.map(({ id }) => id).toSorted()).toEqual(ids.filter((_, i) => i !== 17).toSorted());
    expect(refusals[0]).toMatchObject({ id: ids[17], tenantId: "t2", kind: "event", permanent: false });
    expect(await left()).toBe(1);
  });

  it("holds the later messages of a topic while one of it waits for its retry", async () => {
    await write([...numbered("acme", "slow", 3), ...numbered("acme", "fast", 3), ...numbered("other", "slow", 3)]);
    const { deliver, messages, count } = collector();
    let isFirst = true;
    const relay = start({
      deliver: {
        event: async (batch, context) => {
          if (!isFirst) return deliver(batch, context);
          isFirst = false;
          const isSlow = ({ tenantId, topic }: (typeof batch)[number]): boolean =>
            tenantId === "acme" && topic === "slow";
          await deliver(
            batch.filter((message) => !isSlow(message)),
            context,
          );
          // Only the head: the relay itself holds what is written after it.
          return batch.filter(isSlow).map(({ id }) => ({ id, error: new Error("later") }));
        },
      },
    });
    await count(6);
    await write(numbered("acme", "slow", 5).slice(3));
    await count(11);
    await relay.close();
    const slow = messages.filter(({ tenantId, topic }) => tenantId === "acme" && topic === "slow");
    expect(slow.map(({ payload }) => payload)).toEqual([0, 1, 2, 3, 4]);
    expect(slow[0]?.attempts).toBe(1);
  });

  it("keeps a message that was refused for good, and delivers it again after redrive", async () => {
    const [id] = await write(numbered("acme", "t", 1));
    const { deliver, messages, count } = collector();
    let isRefused = true;
    const relay = start({
      deliver: {
        event: async (batch, context) =>
          isRefused
            ? batch.map((message) => ({ id: message.id, error: new Error("never\0"), permanent: true }))
            : deliver(batch, context),
      },
    });
    await waitUntil(async () => (await relay.status())["event"]?.refused === 1, { what: "the refusal" });
    expect(await relay.status()).toMatchObject({ event: { pending: 0, refused: 1 } });
    isRefused = false;
    expect(await relay.redrive("event", 10)).toBe(1);
    await count(1);
    await relay.close();
    expect(messages[0]?.id).toBe(id);
  });

  it("delivers a batch again, with the same ids, when its connection is lost before the commit", async () => {
    const ids = await write(numbered("acme", "t", 3));
    const { deliver, messages, count } = collector();
    let isFirst = true;
    const relay = start({
      deliver: {
        event: async (batch, context) => {
          const result = await deliver(batch, context);
          if (isFirst) {
            isFirst = false;
            await pool.query(
              "select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and datname = current_database()",
            );
          }
          return result;
        },
      },
    });
    await count(6);
    await relay.close();
    expect(messages.map(({ id }) => id)).toEqual([...ids, ...ids]);
    expect(await left()).toBe(0);
  });

  it("hears of a commit without polling", async () => {
    const { deliver, count } = collector();
    const listen = async (): Promise<Client> => {
      const client = new Client({ connectionString: pool.options.connectionString });
      await client.connect();
      return client;
    };
    const relay = start({ deliver: { event: deliver }, pollMs: 60_000, listen });
    const isListening = async (): Promise<boolean> => {
      const { rowCount } = await pool.query("select 1 from pg_stat_activity where query = 'listen scale_outbox'");
      return rowCount === 1;
    };
    await waitUntil(isListening, { what: "the listener" });
    await write(numbered("acme", "t", 1));
    await count(1);
    await relay.close();
    expect(await isListening()).toBe(false);
  });

  it("aborts a delivery that hangs at the deadline of close, and leaves its messages", async () => {
    await write(numbered("acme", "t", 3));
    let signal: AbortSignal | undefined;
    const hanging: Deliver = (_messages, context) => {
      signal = context.signal;
      return new Promise(() => undefined);
    };
    const relay = start({ deliver: { event: hanging } });
    await waitUntil(() => signal !== undefined, { what: "the delivery" });
    await relay.close({ deadlineMs: 20 });
    expect(signal?.aborted).toBe(true);
    expect(await left()).toBe(3);
  });

  it("gives up a delivery after its deadline, and tries again", async () => {
    await write(numbered("acme", "t", 2));
    const { deliver, messages, count } = collector();
    let calls = 0;
    const late: Deliver = (batch, context) => (calls++ === 0 ? new Promise(() => undefined) : deliver(batch, context));
    const relay = start({ deliver: { event: late }, timeoutMs: 50 });
    await count(2);
    await relay.close();
    expect(messages.map(({ payload }) => payload)).toEqual([0, 1]);
  });

  it("names the wrong option", () => {
    const deliver = {};
    expect(() => createOutboxRelay({ outbox, deliver, pollMs: 0 })).toThrow("createOutboxRelay: pollMs: ");
    expect(() => createOutboxRelay({ outbox: {} as Outbox<never>, deliver })).toThrow("expected an outbox");
  });
});
