import { describe, expect, it } from "vitest";
import { type BatcherOptions, createBatcher } from "./batcher.js";

function setup(options: Partial<BatcherOptions<string>> = {}) {
  const batches: (readonly string[])[] = [];
  const flushes: (() => void)[] = [];
  const batcher = createBatcher<string>({
    send: (batch) => batches.push(batch),
    maxItems: 4,
    schedule: (flush, group) => flushes.push(() => flush(group)),
    ...options,
  });
  const add = (group: string, count: number): void => {
    for (let i = 0; i < count; i++) batcher.add(group, `${group}${i}`);
  };
  const turn = (): void => {
    for (const flush of flushes.splice(0)) flush();
  };
  return { batcher, batches, flushes, add, turn };
}

describe("createBatcher", () => {
  it("sends the items of one turn in one batch per group, in the order they were added", () => {
    const { batches, flushes, add, turn } = setup();
    add("a", 2);
    add("b", 1);
    expect([batches.length, flushes.length]).toEqual([0, 2]);
    turn();
    expect(batches).toEqual([["a0", "a1"], ["b0"]]);
    add("a", 1);
    turn();
    expect(batches[2]).toEqual(["a0"]);
  });

  it("is open from the first item to the flush", () => {
    const { batcher, add, turn } = setup();
    add("a", 1);
    expect([batcher.isOpen("a"), batcher.isOpen("b")]).toEqual([true, false]);
    turn();
    expect(batcher.isOpen("a")).toBe(false);
  });

  it("opens a new batch for an item that `send` adds", () => {
    const sent: (readonly string[])[] = [];
    const { batcher, turn } = setup({
      send(batch) {
        sent.push(batch);
        if (sent.length === 1) batcher.add("a", "again");
      },
    });
    batcher.add("a", "first");
    turn();
    expect(sent).toEqual([["first"]]);
    turn();
    expect(sent).toEqual([["first"], ["again"]]);
  });

  it.each([
    [4, [4]],
    [5, [3, 2]],
    [9, [3, 3, 3]],
    [13, [3, 4, 3, 3]],
  ])("splits %i items into batches of at most maxItems and about equal size", (count, sizes) => {
    const { batches, add, turn } = setup();
    add("a", count);
    turn();
    expect(batches.flat()).toEqual(Array.from({ length: count }, (_, i) => `a${i}`));
    expect(batches.map(({ length }) => length)).toEqual(sizes);
  });

  it("sends minSplit items and more as two batches", () => {
    const { batches, add, turn } = setup({ maxItems: 100, minSplit: 6 });
    add("a", 5);
    add("b", 6);
    turn();
    expect(batches.map(({ length }) => length)).toEqual([5, 3, 3]);
  });

  it.each([1, 2])("sends no empty batch when %i items are longer than several batches", (count) => {
    const { batches, add, turn } = setup({ maxItems: 100, charsOf: () => 3 * 512 * 1024 });
    add("a", count);
    turn();
    expect(batches.map(({ length }) => length)).toEqual(Array.from({ length: count }, () => 1));
  });

  it("bounds the characters of a batch", () => {
    const { batches, add, turn } = setup({ maxItems: 100, charsOf: () => 200 * 1024 });
    add("a", 6);
    turn();
    expect(batches.map(({ length }) => length)).toEqual([2, 2, 2]);
  });

  it("bounds the characters of a batch also when the long items lie side by side", () => {
    const charsOf = (item: string): number => (Number(item.slice(1)) < 8 ? 100 * 1024 : 1);
    const { batches, add, turn } = setup({ maxItems: 100, charsOf });
    add("a", 64);
    turn();
    expect(batches.flat()).toHaveLength(64);
    for (const batch of batches) {
      expect(batch.reduce((sum, item) => sum + charsOf(item), 0)).toBeLessThanOrEqual(512 * 1024);
    }
  });
});
