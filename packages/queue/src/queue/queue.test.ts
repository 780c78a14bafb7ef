import { createPlanResolver, deadline, definePlans, tenancy } from "@scale/core";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { collect, jobs, openQueue } from "../../test/fixture.js";
import { jobEnqueue, jobRefuse, storeFail } from "../events.js";
import { defineJobs, job } from "../jobs/define.js";
import { memoryStore } from "../memory/store.js";
import type { StoredQueue } from "../store.js";
import { createQueue } from "./queue.js";

/** A queue whose store answers as `broken` says. */
function withStore(broken: Partial<StoredQueue>, timeoutMs = 20) {
  const stored = memoryStore({ durability: "none" }).open({
    ...{ name: "default", charge: "count" },
    retention: { finished: { count: 1, ageMs: 1 }, dead: { count: 1, ageMs: 1 } },
  });
  return createQueue(jobs, { store: { open: () => ({ ...stored, ...broken }) }, timeoutMs });
}

describe("enqueue", () => {
  it("stores the job for the tenant and the user of the current work", async () => {
    const { queue, clock } = openQueue();
    const { id, deduplicated } = await tenancy.run({ tenantId: "acme", userId: "u1" }, () =>
      queue.enqueue("mail", { to: "a@b.c" }),
    );
    expect(deduplicated).toBe(false);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await queue.get(id)).toMatchObject({
      ...{
        name: "mail",
        tenantId: "acme",
        userId: "u1",
        payload: '{"to":"a@b.c"}',
        version: 1,
        priority: "normal",
        cost: 1,
      },
      ...{ maxAttempts: 3, enqueuedAtMs: clock.now() },
    });
  });

  it("gives the user of one tenant to no other", async () => {
    const { queue } = openQueue();
    const { id } = await tenancy.run({ tenantId: "acme", userId: "u1" }, () =>
      queue.enqueue("mail", { to: "x" }, { tenantId: "other" }),
    );
    expect((await queue.get(id))?.userId).toBeUndefined();
  });

  it("rejects without a tenant, and for one that is none", async () => {
    const { queue } = openQueue();
    await expect(queue.enqueue("mail", { to: "x" })).rejects.toMatchObject({ code: "SCALE_TENANT" });
    await expect(queue.enqueue("mail", { to: "x" }, { tenantId: "" })).rejects.toMatchObject({ code: "SCALE_TENANT" });
  });

  it("rejects what the schema refuses, what JSON cannot hold, and what is too large", async () => {
    const { queue } = openQueue({ maxPayload: 100 });
    const tenantId = "acme";
    await expect(queue.enqueue("mail", { to: 7 } as never, { tenantId })).rejects.toThrow(/job "mail": data.to: /);
    await expect(queue.enqueue("mail", { to: "x", at: new Date() } as never, { tenantId })).rejects.toThrow(/data.at/);
    await expect(queue.enqueue("mail", { to: "x".repeat(100) }, { tenantId })).rejects.toMatchObject({
      ...{ code: "SCALE_PAYLOAD_TOO_LARGE", status: 413, maxBytes: 100 },
    });
    await expect(queue.enqueue("nope" as never, null as never, { tenantId })).rejects.toThrow(
      /expected the name of a job \(mail/,
    );
    expect(await queue.counts()).toMatchObject({ waiting: 0 });
  });

  it("stores the data as it was at the call", async () => {
    const { queue } = openQueue();
    const data = { to: "before" };
    const stores = queue.enqueue("mail", data, { tenantId: "acme" });
    data.to = "after";
    expect((await queue.get((await stores).id))?.payload).toBe('{"to":"before"}');
  });

  it.each([
    [{ delay: 0 }, /delay: expected a duration/],
    [{ delay: "1m", runAt: new Date() }, /delay or runAt, got both/],
    [{ runAt: new Date(Number.NaN) }, /runAt: expected a valid Date/],
    [{ runAt: new Date(8e15) }, /within 10 years/],
    [{ deadline: "later" }, /deadline: expected a duration/],
    [{ priority: "urgent" }, /priority: expected "high"/],
    [{ cost: -1 }, /cost: expected a number above 0/],
    [{ idempotencyKey: "" }, /idempotencyKey: expected a string/],
    [{ userId: "" }, /userId: expected a string/],
  ])("rejects the options %j", async (options, message) => {
    const { queue } = openQueue();
    const enqueue = queue.enqueue("mail", { to: "x" }, { tenantId: "acme", ...options } as never);
    await expect(enqueue).rejects.toThrow(message);
    await expect(enqueue).rejects.toMatchObject({ code: "SCALE_INPUT", status: 400 });
  });

  it("counts the deadline of a definition from when the job is due", async () => {
    const { queue, clock } = openQueue();
    const { id } = await queue.enqueue("urgent", null, { tenantId: "acme", delay: "1m" });
    expect(await queue.get(id)).toMatchObject({
      ...{ priority: "high", runAtMs: clock.now() + 60_000, deadlineAtMs: clock.now() + 70_000 },
    });
  });

  it("inherits the deadline of the current work only when it is asked to", async () => {
    const { queue, clock } = openQueue();
    const enqueue = (options: object) =>
      deadline.run(5000, () => queue.enqueue("mail", { to: "x" }, { tenantId: "acme", ...options }));
    expect((await queue.get((await enqueue({})).id))?.deadlineAtMs).toBeUndefined();
    const inherited = await queue.get((await enqueue({ deadline: "inherit" })).id);
    expect(Number(inherited?.deadlineAtMs) - clock.now()).toBeGreaterThan(4000);
    expect(Number(inherited?.deadlineAtMs) - clock.now()).toBeLessThanOrEqual(5000);
  });

  it("stores a second job of the same key once, for each tenant", async () => {
    const { queue, clock } = openQueue();
    const [acme, other] = [{ tenantId: "acme" }, { tenantId: "other" }];
    const first = await queue.enqueue("keyed", { id: "1" }, acme);
    expect(await queue.enqueue("keyed", { id: "1" }, acme)).toEqual({ id: first.id, deduplicated: true });
    expect(await queue.enqueue("keyed", { id: "1" }, other)).toMatchObject({ deduplicated: false });
    expect(await queue.enqueue("keyed", { id: "1" }, { ...acme, idempotencyKey: "2" })).toMatchObject({
      deduplicated: false,
    });
    await clock.advance(3_600_001);
    expect(await queue.enqueue("keyed", { id: "1" }, acme)).toMatchObject({ deduplicated: false });
  });

  it("rejects with 429 when the backlog of the tenant is full", async () => {
    const { queue } = openQueue({ fairness: { share: () => ({ maxBacklog: 1 }) } });
    await queue.enqueue("mail", { to: "x" }, { tenantId: "acme" });
    const refusals = await collect(jobRefuse, () =>
      expect(queue.enqueue("mail", { to: "x" }, { tenantId: "acme" })).rejects.toMatchObject({
        ...{ code: "SCALE_BACKLOG_FULL", status: 429, tenantId: "acme", backlog: 1, maxBacklog: 1 },
      }),
    );
    expect(refusals).toEqual([{ tenantId: "acme", queue: "default", job: "mail", reason: "backlog-full", backlog: 1 }]);
  });

  it("publishes each job that was stored", async () => {
    const { queue } = openQueue({ name: "mails" });
    let id = "";
    const events = await collect(jobEnqueue, async () => {
      ({ id } = await queue.enqueue("mail", { to: "x" }, { tenantId: "acme" }));
    });
    expect(events).toEqual([{ tenantId: "acme", queue: "mails", job: "mail", id, deduplicated: false }]);
  });

  it("runs an asynchronous schema", async () => {
    const slow = defineJobs({ a: job({ input: z.string().refine(async (value) => value !== "no", "refused") }) });
    const queue = createQueue(slow, { store: memoryStore({ durability: "none" }) });
    await expect(queue.enqueue("a", "no", { tenantId: "acme" })).rejects.toThrow(/data: refused/);
    await expect(queue.enqueue("a", "yes", { tenantId: "acme" })).resolves.toMatchObject({ deduplicated: false });
  });
});

describe("a store that fails", () => {
  it.each([
    ["rejects", () => Promise.reject(new Error("down"))],
    ["throws", () => { throw new Error("down"); }], // biome-ignore format: one line a case
    ["never answers", () => new Promise<never>(() => undefined)],
  ])("rejects an enqueue with SCALE_STORE when it %s", async (_what, add) => {
    const queue = withStore({ add });
    const failures = await collect(storeFail, () =>
      expect(queue.enqueue("mail", { to: "x" }, { tenantId: "acme" })).rejects.toMatchObject({ code: "SCALE_STORE" }),
    );
    expect(failures).toMatchObject([
      { tenantId: "acme", queue: "default", operation: "add", error: { code: "SCALE_STORE" } },
    ]);
  });

  it("ends at the deadline of the caller, and sends nothing after it", async () => {
    let calls = 0;
    const never = new Promise<never>(() => undefined);
    const queue = withStore({ add: () => ((calls += 1), never) }, 60_000);
    const enqueue = (ms: number) => deadline.run(ms, () => queue.enqueue("mail", { to: "x" }, { tenantId: "acme" }));
    await expect(enqueue(200)).rejects.toMatchObject({
      code: "SCALE_STORE",
      cause: { timeoutMs: expect.any(Number) as number },
    });
    await expect(enqueue(0)).rejects.toMatchObject({ code: "SCALE_STORE", notSent: true });
    expect(calls).toBe(1);
  });
});

describe("enqueueMany", () => {
  it("has an outcome for each job", async () => {
    const { queue } = openQueue({ fairness: { share: (tenantId) => ({ maxBacklog: tenantId === "acme" ? 1 : 10 }) } });
    const outcomes = await queue.enqueueMany([
      { name: "keyed", data: { id: "1" }, tenantId: "acme" },
      { name: "keyed", data: { id: "1" }, tenantId: "acme" },
      { name: "mail", data: { to: "x" }, tenantId: "acme" },
      { name: "mail", data: { to: "x" }, tenantId: "other" },
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["stored", "deduplicated", "backlog-full", "stored"]);
  });

  it("stores nothing when one job is wrong", async () => {
    const { queue } = openQueue();
    const requests = [
      { name: "mail", data: { to: "x" }, tenantId: "acme" },
      { name: "mail", data: { to: 7 as never }, tenantId: "acme" },
    ] as const;
    await expect(queue.enqueueMany(requests)).rejects.toThrow(/data.to/);
    expect(await queue.counts()).toMatchObject({ waiting: 0 });
    await expect(queue.enqueueMany(Array.from({ length: 1001 }, () => requests[0]))).rejects.toThrow(/up to 1000 jobs/);
    expect(await queue.enqueueMany([])).toEqual([]);
  });
});

describe("plans", () => {
  const plans = definePlans({
    free: { queue: { maxBacklog: 1 } },
    pro: { queue: { weight: 3, maxInFlight: 5, rate: { limit: 10, window: "1s" } } },
  });
  const resolver = (lookup: (tenantId: string) => Promise<"free" | "pro">) => createPlanResolver({ plans, lookup });

  it("give each tenant its share", async () => {
    const { queue } = openQueue({ plans: resolver(async (tenantId) => (tenantId === "acme" ? "pro" : "free")) });
    const shares: unknown[] = [];
    const stored: Partial<StoredQueue> = { setShare: async (tenantId, share) => void shares.push([tenantId, share]) };
    Object.assign(queue.stored, stored);
    await queue.tenants.refresh("acme");
    await queue.tenants.refresh("small");
    expect(shares).toEqual([
      ["acme", { weight: 3, maxInFlight: 5, maxBacklog: 100_000, rate: { limit: 10, windowMs: 1000 } }],
      ["small", { weight: 1, maxInFlight: Infinity, maxBacklog: 1, rate: undefined }],
    ]);
  });

  it("that cannot be looked up store no job", async () => {
    const { queue } = openQueue({ plans: resolver(() => Promise.reject(new Error("down"))) });
    await expect(queue.enqueue("mail", { to: "x" }, { tenantId: "acme" })).rejects.toMatchObject({
      code: "SCALE_PLAN",
    });
    expect(await queue.counts()).toMatchObject({ waiting: 0 });
  });

  it("without a queue section give a tenant the default share", async () => {
    const bare = definePlans({ free: {} });
    const { queue } = openQueue({ plans: createPlanResolver({ plans: bare, lookup: () => "free" }) });
    const shares: unknown[] = [];
    const stored: Partial<StoredQueue> = { setShare: async (_tenantId, share) => void shares.push(share) };
    Object.assign(queue.stored, stored);
    await queue.tenants.refresh("acme");
    expect(shares).toEqual([{ weight: 1, maxInFlight: Infinity, maxBacklog: 100_000 }]);
  });

  it.each([{ weight: 0 }, { maxInFlight: 0.5 }, { maxBacklog: -1 }, { rate: { limit: 0, windowMs: 1 } }, null])(
    "as a function are checked: %j",
    async (share) => {
      const { queue } = openQueue({ fairness: { share: () => share as never } });
      await expect(queue.enqueue("mail", { to: "x" }, { tenantId: "acme" })).rejects.toThrow(
        /createQueue: fairness.share/,
      );
    },
  );
});

describe("pages", () => {
  it.each([0, 1001, 1.5, "10"])("have no limit of %j", async (limit) => {
    const { queue } = openQueue();
    const wrong = { limit } as { limit: number };
    await expect(queue.list({ state: "waiting", ...wrong })).rejects.toThrow(
      /limit: expected an integer from 1 to 1,000/,
    );
    await expect(queue.dead.list(wrong)).rejects.toThrow(/limit: expected an integer/);
    await expect(queue.tenants.list(wrong)).rejects.toThrow(/limit: expected an integer/);
  });

  it("go on after their cursors", async () => {
    const { queue } = openQueue();
    for (const tenantId of ["a", "b", "c"]) await queue.enqueue("mail", { to: "x" }, { tenantId });
    const { items, cursor } = await queue.tenants.list({ limit: 2 });
    const rest = await queue.tenants.list({ limit: 2, ...(cursor !== undefined && { cursor }) });
    expect([...items, ...rest.items].map(({ tenantId, waiting }) => [tenantId, waiting])).toEqual([
      ["a", 1],
      ["b", 1],
      ["c", 1],
    ]);
    expect(rest.cursor).toBeUndefined();
  });
});

describe("createQueue", () => {
  it.each([
    [{ store: {} }, /store: expected a store/],
    [{ timeoutMs: 0 }, /timeoutMs.*got 0/],
    [{ name: "" }, /name/],
    [{ plans: { resolve: 1 } }, /plans: expected a plan resolver/],
    [{ outbox: {} }, /outbox: expected an outbox/],
    [{ concurrency: 3 }, /concurrency/],
    [{ retention: { dead: { age: "x" } } }, /retention.dead.age/],
  ])("names the wrong option %j", (options, message) => {
    expect(() => openQueue(options as never)).toThrow(message);
  });
});
