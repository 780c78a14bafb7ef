import { describe, expect, it } from "vitest";
import { collect, jobs, openQueue } from "../../test/fixture.js";
import { jobEnqueue } from "../events.js";
import { memoryStore } from "../memory/store.js";
import type { NewJob } from "../store.js";
import { createQueue } from "./queue.js";
import type { OutboxMessage } from "./types.js";

/** An outbox whose rows are visible when the transaction commits. */
function fakeOutbox() {
  const rows: OutboxMessage[] = [];
  return {
    rows,
    async write(tx: OutboxMessage[], message: OutboxMessage) {
      tx.push(message);
      return message.id;
    },
    commit: (tx: readonly OutboxMessage[]) => void rows.push(...tx),
  };
}

describe("queue.in", () => {
  it("writes to the outbox, from which the relay delivers", async () => {
    const outbox = fakeOutbox();
    const { queue } = openQueue({ outbox, name: "mails" });
    const tx: OutboxMessage[] = [];
    const events = await collect(jobEnqueue, async () => {
      const { id, deduplicated } = await queue.in(tx).enqueue("mail", { to: "x" }, { tenantId: "acme" });
      expect(deduplicated).toBe(false);
      expect(tx).toMatchObject([{ kind: "queue:mails", tenantId: "acme", id, payload: { id, payload: '{"to":"x"}' } }]);
    });
    expect(events).toEqual([]);
    expect(await queue.counts()).toMatchObject({ waiting: 0 });
    outbox.commit(tx);
    expect(await queue.deliver(JSON.parse(JSON.stringify(outbox.rows)))).toEqual([]);
    expect(await queue.get(tx[0]?.id ?? "")).toMatchObject({
      state: "waiting",
      name: "mail",
      tenantId: "acme",
      maxAttempts: 3,
    });
  });

  it("stores what is delivered twice once, also after it was removed", async () => {
    const outbox = fakeOutbox();
    const { queue } = openQueue({ outbox, retention: { finished: { count: 0 } } });
    const tx: OutboxMessage[] = [];
    await queue.in(tx).enqueueMany([
      { name: "mail", data: { to: "x" }, tenantId: "acme" },
      { name: "keyed", data: { id: "1" }, tenantId: "acme" },
    ]);
    await queue.deliver(tx);
    expect(await queue.counts()).toMatchObject({ waiting: 2 });
    await queue.cancel(tx[1]?.id ?? "");
    await queue.deliver(tx.slice(0, 1));
    expect(await queue.counts()).toMatchObject({ waiting: 1 });
  });

  it("tells the relay which messages to keep, and which are no jobs", async () => {
    const { queue } = openQueue({ fairness: { share: () => ({ maxBacklog: 1 }) }, outbox: fakeOutbox() });
    const tx: OutboxMessage[] = [];
    await queue.in(tx).enqueue("mail", { to: "1" }, { tenantId: "acme" });
    await queue.in(tx).enqueue("mail", { to: "2" }, { tenantId: "acme" });
    const failures = await queue.deliver([...tx, { id: "odd", payload: 7 }]);
    expect(failures).toMatchObject([
      { id: "odd", permanent: true },
      { id: tx[1]?.id, error: { message: expect.stringContaining("backlog") as string } },
    ]);
    expect(failures[1]?.permanent).toBeUndefined();
  });

  it("uses the transactions of a store that has them", async () => {
    const seen: unknown[] = [];
    const store = memoryStore({ durability: "none" });
    const queue = createQueue(jobs, {
      outbox: fakeOutbox(),
      store: {
        open: (options) => ({
          ...store.open(options),
          addInTransaction: async (tx: unknown, added: readonly NewJob[]) => {
            seen.push(
              tx,
              added.map(({ share }) => share.weight),
            );
            return added.map(({ id }) => ({ kind: "stored", id }) as const);
          },
        }),
      },
    });
    await queue.in("tx").enqueue("mail", { to: "x" }, { tenantId: "acme" });
    expect(seen).toEqual(["tx", [1]]);
  });

  it("is refused without an outbox or transactions", () => {
    expect(() => openQueue().queue.in({})).toThrow(/expected a store with transactions or the option outbox/);
  });
});
