import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Packr } from "msgpackr";
import { describe, expect, inject, it } from "vitest";
import { startNode, untilServed } from "../../scenarios/node.js";
import type { Codec } from "../index.js";

const packr = new Packr({ moreTypes: true, mapsAsObjects: false, copyBuffers: true, useToJSON: false });

export const packed: Codec<unknown> = {
  encode: (value) => packr.pack(value).toString("latin1"),
  decode: (text) => packr.unpack(Buffer.from(text, "latin1")),
};

const url = inject("redisUrl");
const page = {
  at: new Date(1234),
  ids: new Set([1n, 2n]),
  by: new Map([["é|", { n: undefined }]]),
  bytes: Buffer.from([0, 124, 200, 255]),
  rows: Array.from({ length: 500 }, (_, i) => ({ id: i, customerName: "ünï" })),
};

describe("the codec over msgpackr of the guide", () => {
  it("is the one that is tested here", () => {
    const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");
    const recipe = /const packr =[\s\S]*?\n\};/;
    const [guide, here] = ["../../../../docs/guides/cache-doors.md", import.meta.url].map(
      (path) => recipe.exec(read(path))?.[0],
    );
    expect(guide).toBe(here);
  });

  it("returns what it was given, and writes the property names of equal rows once", () => {
    const text = packed.encode(page);
    expect(packed.decode(text)).toStrictEqual(page);
    expect(packed.encode(page.rows).length).toBeLessThan(JSON.stringify(page.rows).length / 2);
  });

  it.each(["", '{"a":1}', "\u0092\u0001", "\u00dd\u00ff\u00ff\u00ff\u00ff"])("throws for other text: %j", (text) => {
    expect(() => packed.decode(text)).toThrow();
  });

  it.skipIf(!url)("returns the same types from the loader, from memory and from Redis", async () => {
    const options = { prefix: `msgpackr:${process.pid}` };
    const [one, two] = [startNode(url, options), startNode(url, options)];
    await untilServed(one, two);
    const define = ({ cache }: typeof one) =>
      cache.define({ name: "page", key: (id: string) => id, ttl: "1m", format: { codec: packed }, load: () => page });
    const [first, second] = [define(one), define(two)];
    expect(await one.cache.tenant("acme").get(first, "a")).toStrictEqual(page);
    await expect.poll(() => one.cache.tenant("acme").peek(first, "a")).toStrictEqual(page);
    const stored = await two.cache.tenant("acme").getWithInfo(second, "a");
    expect(stored).toMatchObject({ source: "store" });
    expect(stored.value).toStrictEqual(page);
    one.close();
    two.close();
  });
});
