import { expect, it } from "vitest";
import { readBullmqScripts } from "./bullmq-scripts.js";
import { digestOf, isPinned } from "./pinned.js";

it("knows the scripts of the installed BullMQ", async () => {
  const scripts = await readBullmqScripts();
  expect({ digest: digestOf(scripts), isPinned: isPinned(scripts) }).toEqual({
    digest: digestOf(scripts),
    isPinned: true,
  });
});

it("does not take a BullMQ with another script for the one that it knows", async () => {
  const scripts = new Map(await readBullmqScripts());
  const script = scripts.get("moveToActive");
  scripts.set("moveToActive", { numberOfKeys: 11, lua: `${script?.lua} ` });
  expect(isPinned(scripts)).toBe(false);
});
