import { describe, expect, it } from "vitest";
import { EntryNode, Namespace } from "./node.js";
import { S3Fifo } from "./s3-fifo.js";
import type { Entry } from "./types.js";

const ENTRY: Entry = { value: 1, bytes: 0, freshUntil: Infinity, usableUntil: Infinity, meta: undefined };
const space = new Namespace("invoice", 0);

function admit(
  policy: S3Fifo,
  { key, bytes = 1000, uses = 0 }: { key: string; bytes?: number; uses?: number },
): EntryNode {
  const item = new EntryNode(space, key, ENTRY, bytes);
  policy.admit(item);
  item.frequency = uses;
  return item;
}

function evict(policy: S3Fifo): string | undefined {
  const item = policy.victim();
  if (item !== undefined) policy.remove(item);
  return item?.key;
}

const letters = "abcdefghij".split("");

describe("Policy", () => {
  it("has nothing to evict when there is nothing", () => {
    expect(new S3Fifo().victim()).toBeUndefined();
  });

  it("evicts what was not used, the oldest first, and what was used after it", () => {
    const policy = new S3Fifo();
    for (const key of letters) admit(policy, { key, uses: key < "f" ? 1 : 0 });
    expect(letters.map(() => evict(policy)).join("")).toBe("fghijabcde");
  });

  it("sends what is used often round again before what is used less", () => {
    const policy = new S3Fifo();
    const items = letters.map((key) => admit(policy, { key, uses: 1 }));
    evict(policy);
    for (const item of items.slice(1, 4)) item.frequency = 3;
    expect(
      letters
        .slice(1)
        .map(() => evict(policy))
        .join(""),
    ).toBe("efghijbcd");
  });

  it("follows the size of what is replaced", () => {
    const policy = new S3Fifo();
    for (const key of letters) admit(policy, { key, uses: 1 });
    evict(policy);
    const shrunk = admit(policy, { key: "shrunk" });
    policy.resize(shrunk, 10);
    expect(evict(policy)).toBe("b");
  });

  it("looks at a bounded number of items for one eviction, when all are in use", () => {
    const policy = new S3Fifo();
    const items = Array.from({ length: 10_000 }, (_, i) => admit(policy, { key: `${i}`, uses: 3 }));
    expect(evict(policy)).toBeDefined();
    expect(items.filter((item) => item.isInMain || item.frequency < 3).length).toBeLessThan(200);
  });
});
