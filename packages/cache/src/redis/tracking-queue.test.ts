import { expect, it, vi } from "vitest";
import { gate } from "../../scenarios/node.js";
import type { Invalidation } from "../store.js";
import { endOf, type Suspect } from "./tracking-check.js";
import { createQueue } from "./tracking-queue.js";

const space = "scale:cache:";
const entry = (key: string, tenantId = "acme"): string => `${space}{${tenantId}}:e:row:${key}`;
const beat = (atMs: number, sender = "me"): string => `${space}{beat}:b:${sender}:${atMs}`;
const settle = async (): Promise<void> => {
  for (let i = 0; i < 200; i++) await new Promise(setImmediate);
};

/** What is told, in its order. */
function recorded(check = async (suspects: readonly Suspect[]): Promise<Invalidation[]> => suspects.map(endOf)) {
  const told: unknown[] = [];
  const own = new Set<string>();
  const queue = createQueue({
    ...{ space, sender: "me", check },
    mayHold: (tenantId, key) => own.has(`${tenantId}/${key}`),
    invalidated: ({ tenantId, keys, tags, all }) => told.push([tenantId, ...keys, ...tags, ...(all ? ["all"] : [])]),
    proven: (atMs) => told.push(atMs),
    lost: () => told.push("lost"),
  });
  return { told, own, queue };
}

it("tells what changed, together for each tenant, then the beat that came after it", () => {
  const { told, queue } = recorded();
  queue.add([entry("a"), entry("b", "other"), entry("c"), beat(7), beat(8, "you"), entry("d")]);
  expect(told).toEqual([["acme", "row:a", "row:c"], ["other", "row:b"], 7, ["acme", "row:d"]]);
});

it("keeps a beat until what was asked before it has been told", async () => {
  const answer = gate();
  const { told, own, queue } = recorded(async (suspects) => {
    await answer.opened;
    return suspects.map(endOf);
  });
  own.add("acme/row:a");
  queue.add([entry("a"), `${space}{acme}:t:t1`, `${space}{acme}:g`, beat(1)]);
  queue.add([entry("b"), beat(2)]);
  await settle();
  expect(told).toEqual([["acme", "row:b"]]);
  answer.open();
  await settle();
  expect(told.slice(1)).toEqual([["acme", "row:a"], ["acme", "t1"], ["acme", "all"], 1, 2]);
  queue.add([beat(3)]);
  expect(told.at(-1)).toBe(3);
});

it("tells nothing of what was asked before a clear", async () => {
  const answer = gate();
  const { told, queue } = recorded(async (suspects) => {
    await answer.opened;
    return suspects.map(endOf);
  });
  queue.add([`${space}{acme}:g`, beat(1)]);
  queue.clear();
  queue.add([beat(2)]);
  answer.open();
  await settle();
  expect(told).toEqual([2]);
});

it("tells 10,000 keys in slices, in their order, before the beat after them", async () => {
  const { told, queue } = recorded();
  const keys = Array.from({ length: 10_000 }, (_, i) => `${i}`);
  queue.add(keys.map((key) => entry(key)));
  queue.add([beat(1)]);
  expect(told).toEqual([]);
  await vi.waitFor(() => expect(told.at(-1)).toBe(1));
  const slices = told.slice(0, -1) as string[][];
  expect(Math.max(...slices.map((slice) => slice.length))).toBeLessThanOrEqual(501);
  expect(slices.flatMap((slice) => slice.slice(1))).toEqual(keys.map((key) => `row:${key}`));
});

it("keeps no more than 20,000 keys: then something is lost, and it goes on", async () => {
  const { told, queue } = recorded();
  const some = Array.from({ length: 6000 }, (_, i) => entry(`${i}`));
  for (let i = 0; i < 4; i++) queue.add(some);
  expect(told).toEqual(["lost"]);
  queue.add([entry("a"), beat(1)]);
  await settle();
  expect(told).toEqual(["lost", ["acme", "row:a"], 1]);
});

it("has lost something when it does not know what changed", async () => {
  const { told, queue } = recorded();
  queue.add([entry("a"), `${space}{acme}:mine`, beat(1)]);
  queue.add([beat(2)]);
  expect(told).toEqual(["lost", 2]);
});
