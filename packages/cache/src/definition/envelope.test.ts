import { deflateRawSync } from "node:zlib";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { z } from "zod";
import { type Node, startNode, untilServed } from "../../scenarios/node.js";
import { serializerOf } from "./codec.js";
import { readEnvelope, writeEnvelope } from "./envelope.js";
import { entryReject, type TenantCache } from "../index.js";

const url = inject("redisUrl");

describe("an envelope", () => {
  it("holds the duration of the load, and the value undefined", () => {
    const [label, shape] = [{ version: 3, key: "row:a|b" }, serializerOf("row", undefined, undefined)];
    const opened = [1234.5, 0].map((loadMs) =>
      readEnvelope(writeEnvelope({ text: "[1]", loadMs }, label), label, shape),
    );
    expect(opened).toEqual([1235, 0].map((loadMs) => ({ ok: true, value: [1], chars: 3, loadMs })));
    const nothing = readEnvelope(writeEnvelope({ text: undefined, loadMs: 7 }, label), label, shape);
    expect(nothing).toEqual({ ok: true, value: undefined, chars: 0, loadMs: 7 });
  });
});

describe.skipIf(!url)("entries in Redis", () => {
  const prefix = `envelope:${process.pid}`;
  let nodes: [Node, Node];
  let redis: Redis;
  let mine: TenantCache;
  let theirs: TenantCache;
  beforeAll(async () => {
    redis = new Redis(url);
    nodes = [startNode(url, { prefix }), startNode(url, { prefix })];
    await untilServed(...nodes);
    [mine, theirs] = [nodes[0].cache.tenant("acme"), nodes[1].cache.tenant("acme")];
  });
  afterAll(() => {
    for (const node of nodes) node.close();
    redis.disconnect();
  });

  const keyOf = (name: string, key: string): string => `${prefix}:{acme}:e:${name}:${key}`;
  const filled = async (name: string, key: string): Promise<string> => {
    await expect.poll(() => redis.get(keyOf(name, key))).toMatch(/^[VT]/);
    return (await redis.get(keyOf(name, key))) ?? "";
  };

  const page = Array.from({ length: 200 }, (_, i) => ({
    id: i,
    name: `name ${i} é\u{1f4a1}`,
    tags: ["a", null, true, 0.5],
  }));
  it.each([
    ["a small value", { a: 1, b: [null, "x", { c: "ü" }] }],
    ["a large one, which is compressed", page],
    ["an empty text", ""],
    ["false", false],
    ["null", null],
    ["undefined", undefined],
  ])("%s comes back from every layer as the loader returned it", async (name, value) => {
    const define = ({ cache }: Node) =>
      cache.define({ name: "same", key: (id: string) => id, ttl: "1m", load: (): unknown => value });
    const [here, there] = [define(nodes[0]), define(nodes[1])];
    const key = name.replaceAll(/\W/g, "-");
    const loaded = await mine.getWithInfo(here, key);
    const text = await filled("same", key);
    const stored = await theirs.getWithInfo(there, key);
    const memory = await theirs.getWithInfo(there, key);
    expect([loaded.source, stored.source, memory.source]).toEqual(["load", "store", "memory"]);
    expect([loaded.value, stored.value, memory.value]).toEqual([value, value, value]);
    // Large values are compressed.
    expect(text.length).toBeLessThan(Math.max(200, (JSON.stringify(value) ?? "").length / 2));
  });

  it("a type that JSON does not have comes back, through the schema or as it was", async () => {
    const day = new Date(1_700_000_000_000);
    const dated = (schema: boolean, node: Node) =>
      node.cache.define({
        ...{ name: schema ? "dated" : "undated", key: (id: string) => id, ttl: "1m" },
        ...(schema && { format: { schema: z.object({ at: z.coerce.date() }) } }),
        load: () => ({ at: day }),
      });
    expect(await mine.get(dated(true, nodes[0]), "a")).toEqual({ at: day });
    await filled("dated", "a");
    const stored = await theirs.getWithInfo(dated(true, nodes[1]), "a");
    expect(stored).toMatchObject({ source: "store", value: { at: day } });
    expect(await mine.get(dated(false, nodes[0]), "a")).toEqual({ at: day });
    await filled("undated", "a");
    const other = await theirs.getWithInfo(dated(false, nodes[1]), "a");
    expect(other).toMatchObject({ source: "store", value: { at: day } });
  });

  it("a reader that changes a loaded value does not change the loader's object", async () => {
    const original = { list: [1] };
    const row = nodes[0].cache.define({ name: "own", key: (id: string) => id, ttl: "1m", load: () => original });
    (await mine.get(row, "a")).list.push(2);
    expect(original.list).toEqual([1]);
  });

  const bomb = deflateRawSync(Buffer.alloc(80 * 1024 * 1024)).toString("base64");
  const label = (key: string, kind = "j", version = 1): string => `${kind}${version}`.concat("|0|%|row:", key, "|");
  const sealed = (key: string, body: string, kind?: string, version?: number): string =>
    label(key, kind, version).replace("%", String(body.length)) + body;
  const poison: readonly [string, (key: string) => string, string][] = [
    ["nothing", () => "", "not written by this library"],
    ["null", () => "null", "not written by this library"],
    ["a number", () => "5", "not written by this library"],
    ["a truncated value", (key) => sealed(key, '{"n":1}').slice(0, -2), "characters"],
    ["another version's value", (key) => sealed(key, "1", "j", 2), "got 2"],
    ["another key's value", () => sealed("other", "1"), "another key"],
    ["invalid JSON", (key) => sealed(key, "{n:1}"), "JSON"],
    ["rich text that is broken", (key) => sealed(key, '~[{"n":9}]'), ""],
    ["a rich trap", (key) => sealed(key, '~[{"__proto__":1},{"a":2},1]'), "__proto__"],
    ["the wrong type", (key) => sealed(key, '"text"'), "expected number"],
    ["a trap", (key) => sealed(key, '{"__proto__":{"a":1}}'), "__proto__"],
    ["an escaped trap", (key) => sealed(key, '{"\\u005F_proto__":{"a":1}}'), "__proto__"],
    ["a half escaped trap", (key) => sealed(key, '{"__\\u0070roto__":{"a":1}}'), "__proto__"],
    ["a body that is not compressed", (key) => sealed(key, "AAAA", "z"), ""],
    ["a bomb", (key) => sealed(key, bomb, "z"), ""],
    ["a very deep value", (key) => sealed(key, "[".repeat(200_000) + "]".repeat(200_000)), ""],
  ];
  it.each(poison)("%s is loaded again, and published", async (name, payload, reason) => {
    const key = name.replaceAll(/\W/g, "-");
    const reasons: string[] = [];
    const stop = entryReject.subscribe((event) => reasons.push(event.reason));
    const row = nodes[1].cache.define({
      ...{ name: "row", key: (id: string) => id, ttl: "1m", format: { schema: z.number() } },
      load: () => 42,
    });
    const generation = (await redis.get(`${prefix}:{acme}:g`)) ?? "";
    const now = 1_700_000_000_000;
    const body = `V${generation}..${now * 10}.60000.60000.|${payload(key)}`;
    await redis.set(keyOf("row", key), body, "PX", 60_000);
    expect(await theirs.get(row, key)).toBe(42);
    expect(reasons).toEqual([expect.stringContaining(reason)]);
    await expect.poll(() => redis.get(keyOf("row", key))).toContain("|42");
    stop();
  });

  it.each([
    ["a hash", async (key: string) => redis.hset(key, "a", "1").then(() => redis.expire(key, 60))],
    ["a foreign string", async (key: string) => redis.set(key, "hello", "EX", 60)],
    ["half a lease", async (key: string) => redis.set(key, "Lx.0.|", "EX", 60)],
    [
      "a head of another library",
      async (key: string, generation: string) => redis.set(key, `V${generation.split(".")[0]}.what is this`, "EX", 60),
    ],
  ])("%s under the key of an entry does not fail a reader", async (name, plant) => {
    const key = name.replaceAll(/\W/g, "-");
    const row = nodes[1].cache.define({ name: "plant", key: (id: string) => id, ttl: "1m", load: () => 42 });
    await theirs.get(row, "first");
    await plant(keyOf("plant", key), (await redis.get(`${prefix}:{acme}:g`)) ?? "");
    expect(await theirs.get(row, key)).toBe(42);
  });
});
