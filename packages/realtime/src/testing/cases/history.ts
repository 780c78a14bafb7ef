import { describe, expect, it } from "vitest";
import type { Cursor, ReadResult } from "../../store.js";
import { createOpener, NASTY_IDS, type TestProcess } from "../open.js";
import type { HubStoreFixture } from "../fixture.js";

const T = "acme";

interface Tools {
  readonly create: () => Promise<HubStoreFixture>;
  readonly open: ReturnType<typeof createOpener>;
}

const head = async (store: TestProcess, tenantId = T): Promise<Cursor> => {
  const { epoch, position } = await store.read({ tenantId, topics: [], limit: 1 });
  return { epoch, position };
};

const bodies = ({ events }: ReadResult): string[] => events.map(({ body }) => body);

/** Appends `count` events with the bodies 0, 1, … */
async function appendMany(store: TestProcess, topic: string, count: number): Promise<Cursor[]> {
  const cursors: Cursor[] = [];
  for (let i = 0; i < count; i++) cursors.push(await store.append({ tenantId: T, topic, body: String(i) }));
  return cursors;
}

export function describeHistory(create: () => Promise<HubStoreFixture>): void {
  const tools = { create, open: createOpener() };
  describeAppend(tools);
  describePages(tools);
  describeCursors(tools);
  describeNames(tools);
}

function describeAppend({ create, open }: Tools): void {
  describe("append", () => {
    it("gives every event of a tenant another position, in order, under concurrency", async () => {
      const { store } = await create();
      const [a, b] = [open(store), open(store)];
      const after = await head(a);
      const calls = Array.from({ length: 200 }, (_, i) =>
        (i % 2 === 0 ? a : b).append({ tenantId: T, topic: `t${i % 3}`, body: String(i) }),
      );
      const positions = (await Promise.all(calls)).map(({ position }) => position);
      expect(new Set(positions).size).toBe(200);
      expect(Math.min(...positions)).toBeGreaterThan(after.position);
      const read = await b.read({ tenantId: T, topics: ["t0", "t1", "t2"], after, limit: 1000 });
      expect(read.events.map(({ position }) => position)).toEqual(positions.toSorted((x, y) => x - y));
    });

    it("appends an event with the same id once, and returns its cursor again", async () => {
      const { store } = await create();
      const a = open(store);
      const after = await head(a);
      const event = { tenantId: T, topic: "t", body: "1" };
      const first = await a.append({ ...event, id: "x" });
      expect(await a.append({ ...event, id: "x" })).toEqual(first);
      await a.append({ ...event, id: "y" });
      await a.append({ ...event, tenantId: "other", id: "x" });
      expect(bodies(await a.read({ tenantId: T, topics: ["t"], after, limit: 10 }))).toEqual(["1", "1"]);
      expect((await a.read({ tenantId: "other", topics: ["t"], limit: 10 })).epoch).not.toBe(first.epoch);
    });
  });
}

function describePages({ create, open }: Tools): void {
  describe("read", () => {
    it("returns the events of the topics after the cursor, and no others", async () => {
      const { store } = await create();
      const a = open(store);
      const [, second] = await appendMany(a, "t", 2);
      await a.append({ tenantId: T, topic: "u", body: "u" });
      await a.append({ tenantId: T, topic: "secret", body: "s" });
      await a.append({ tenantId: T, topic: "t", body: "2" });
      const read = await a.read({ tenantId: T, topics: ["t", "u"], after: second, limit: 10 });
      expect(read).toMatchObject({ is: "events", hasMore: false });
      expect(read.events.map(({ topic, body }) => [topic, body])).toEqual([
        ["u", "u"],
        ["t", "2"],
      ]);
      expect(read.upTo).toBe(read.position);
    });

    it("ends the page of a topic at its bytes, after a step of events, and is complete up to its end", async () => {
      const { store } = await create();
      const a = open(store);
      const after = await head(a);
      for (let i = 0; i < 12; i++)
        await a.append({ tenantId: T, topic: i % 2 === 0 ? "t" : "u", body: "x".repeat(10) });
      const read = (bounds: { maxBytes: number; step?: number }) =>
        a.read({ tenantId: T, topics: ["t", "u"], after, limit: 100, ...bounds });
      expect(await read({ maxBytes: 30, step: 1 })).toMatchObject({ is: "events", hasMore: true });
      expect((await read({ maxBytes: 30, step: 1 })).events.map(({ topic }) => topic).join(" ")).toBe("t u t u t");
      expect((await read({ maxBytes: 30, step: 2 })).events.map(({ topic }) => topic).join(" ")).toBe("t u t u t u t");
      expect((await read({ maxBytes: 1 })).events).toHaveLength(12);
      expect((await read({ maxBytes: 10_000, step: 5 })).hasMore).toBe(false);
    });

    it("returns pages that are complete and in order over all topics", async () => {
      const { store } = await create();
      const a = open(store);
      let after = await head(a);
      const expected: string[] = [];
      for (let i = 0; i < 60; i++) {
        // One topic is much busier than the other.
        const topic = i % 7 === 0 ? "quiet" : "busy";
        await a.append({ tenantId: T, topic, body: String(i) });
        expected.push(String(i));
      }
      const seen: string[] = [];
      for (let pages = 0; pages < 60; pages++) {
        const read = await a.read({ tenantId: T, topics: ["quiet", "busy"], after, limit: 8 });
        seen.push(...bodies(read));
        after = { epoch: read.epoch, position: read.upTo };
        if (!read.hasMore) break;
        expect(read.upTo).toBe(read.events.at(-1)?.position);
      }
      expect(seen).toEqual(expected);
    });
  });
}

function describeCursors({ create, open }: Tools): void {
  describe("read after a cursor", () => {
    it("says trimmed when an event after the cursor is gone, and never leaves one out", async () => {
      const { store } = await create();
      const a = open(store, { events: 10 });
      const start = await head(a);
      const cursors = await appendMany(a, "t", 400);
      expect(await a.read({ tenantId: T, topics: ["t"], after: start, limit: 1000 })).toMatchObject({ is: "trimmed" });
      let kept = 0;
      for (const [i, after] of cursors.entries()) {
        const read = await a.read({ tenantId: T, topics: ["t"], after, limit: 1000 });
        if (read.is === "trimmed") continue;
        kept++;
        expect(bodies(read)).toEqual(Array.from({ length: 399 - i }, (_, n) => String(i + 1 + n)));
      }
      expect(kept).toBeGreaterThanOrEqual(10);
      expect(kept).toBeLessThan(400);
    });

    it("does not know a cursor of another tenant, an invented one, and one after the newest position", async () => {
      const { store } = await create();
      const a = open(store);
      const [own] = await appendMany(a, "t", 1);
      const foreign = await a.append({ tenantId: "other", topic: "t", body: "x" });
      const ask = (after: Cursor): Promise<ReadResult> => a.read({ tenantId: T, topics: ["t"], after, limit: 10 });
      expect(await ask(foreign)).toMatchObject({ is: "unknown", events: [] });
      expect(await ask({ epoch: "0".repeat(32), position: 1 })).toMatchObject({ is: "unknown", events: [] });
      const future = { epoch: own?.epoch ?? "", position: 2 ** 52 };
      expect(await ask(future)).toMatchObject({ is: "unknown", events: [] });
    });
  });
}

function describeNames({ create, open }: Tools): void {
  describe("read and tails", () => {
    it("is complete for a topic without events, and after a topic has expired for cursors that are newer", async () => {
      const { store, pass } = await create();
      const a = open(store, { ttlMs: 120 });
      const before = await head(a);
      expect(await a.read({ tenantId: T, topics: ["t"], after: before, limit: 1 })).toMatchObject({ is: "events" });
      await appendMany(a, "t", 1);
      await pass(300);
      expect(await a.read({ tenantId: T, topics: ["t"], after: before, limit: 1 })).toMatchObject({ is: "trimmed" });
      const after = await head(a);
      await a.append({ tenantId: T, topic: "t", body: "new" });
      expect(bodies(await a.read({ tenantId: T, topics: ["t"], after, limit: 9 }))).toEqual(["new"]);
      expect(await a.read({ tenantId: T, topics: ["t"], after: before, limit: 9 })).toMatchObject({ is: "trimmed" });
    });

    it("keeps tenants and topics apart, whatever their names contain", async () => {
      const { store } = await create();
      const a = open(store);
      const pairs = NASTY_IDS.flatMap((tenantId) => NASTY_IDS.map((topic) => ({ tenantId, topic })));
      const starts = new Map<string, Cursor>();
      for (const tenantId of NASTY_IDS) starts.set(tenantId, await head(a, tenantId));
      await Promise.all(pairs.map(({ tenantId, topic }, i) => a.append({ tenantId, topic, body: String(i) })));
      for (const [i, { tenantId, topic }] of pairs.entries()) {
        const read = await a.read({ tenantId, topics: [topic], after: starts.get(tenantId), limit: 10 });
        expect(bodies(read)).toEqual([String(i)]);
      }
    });

    it("returns the newest position of each topic and of the tenant", async () => {
      const { store } = await create();
      const a = open(store);
      const cursors = await appendMany(a, "t", 3);
      const { epoch, position, tails } = await a.tails(T, ["t", "none"]);
      expect(epoch).toBe(cursors[2]?.epoch);
      expect(tails).toEqual([cursors[2]?.position, 0]);
      expect(position).toBeGreaterThanOrEqual(cursors[2]?.position ?? Infinity);
      const next = await a.append({ tenantId: T, topic: "t", body: "" });
      expect(next.position).toBeGreaterThan(position);
    });
  });
}
