import { describe, expect, it } from "vitest";
import { EntryNode, Namespace } from "./node.js";
import { S3Fifo } from "./s3-fifo.js";
import type { Entry } from "./types.js";

const ENTRY: Entry = { value: 1, bytes: 0, freshUntil: Infinity, usableUntil: Infinity, meta: undefined };
const namespace = new Namespace("invoice", 0);

function admit(
  fifo: S3Fifo,
  { key, bytes = 1000, uses = 0 }: { key: string; bytes?: number; uses?: number },
): EntryNode {
  const node = new EntryNode(namespace, key, ENTRY, bytes);
  fifo.admit(node);
  node.frequency = uses;
  return node;
}

function evict(fifo: S3Fifo): string | undefined {
  const node = fifo.victim();
  if (node !== undefined) fifo.remove(node);
  return node?.key;
}

const letters = "abcdefghij".split("");

describe("S3Fifo", () => {
  it("returns no victim when it is empty", () => {
    expect(new S3Fifo().victim()).toBeUndefined();
  });

  it("evicts unused entries first, oldest first, and used ones after them", () => {
    const fifo = new S3Fifo();
    for (const key of letters) admit(fifo, { key, uses: key < "f" ? 1 : 0 });
    expect(letters.map(() => evict(fifo)).join("")).toBe("fghijabcde");
  });

  it("keeps frequently used entries longer than less used ones", () => {
    const fifo = new S3Fifo();
    const nodes = letters.map((key) => admit(fifo, { key, uses: 1 }));
    evict(fifo);
    for (const node of nodes.slice(1, 4)) node.frequency = 3;
    expect(
      letters
        .slice(1)
        .map(() => evict(fifo))
        .join(""),
    ).toBe("efghijbcd");
  });

  it("accounts for the new size of a replaced entry", () => {
    const fifo = new S3Fifo();
    for (const key of letters) admit(fifo, { key, uses: 1 });
    evict(fifo);
    const shrunk = admit(fifo, { key: "shrunk" });
    fifo.resize(shrunk, 10);
    expect(evict(fifo)).toBe("b");
  });

  it("passes over a bounded number of entries per eviction when all are in use", () => {
    const fifo = new S3Fifo();
    const nodes = Array.from({ length: 10_000 }, (_, i) => admit(fifo, { key: `${i}`, uses: 3 }));
    expect(evict(fifo)).toBeDefined();
    expect(nodes.filter((node) => node.isInMain || node.frequency < 3).length).toBeLessThan(200);
  });
});
