import { PerformanceObserver } from "node:perf_hooks";
import { expect, it } from "vitest";
import { flagsWith } from "../../test/flags-with.js";
import { bool, defineFlags, oneOf } from "../index.js";

const EVALUATIONS = 1_000_000;

it("a million evaluations allocate nothing: the heap grows by less than 1 MiB, without a collection", async () => {
  const definitions = defineFlags({
    checkout: bool({ default: false }),
    base: bool({ default: false }),
    theme: oneOf(["light", "dark"], { default: "light" }),
  });
  const variants = [
    { name: "l", weight: 1, value: "light" },
    { name: "d", weight: 1, value: "dark" },
  ];
  const flags = await flagsWith(definitions, {
    base: { rules: [{ plans: ["pro"] }] },
    checkout: {
      requires: [{ flag: "base" }],
      deny: { tenants: ["evil"] },
      rules: [{ users: ["x"] }, { percent: 12.345 }],
    },
    theme: { rules: [{ variants }] },
  });
  const subjects = Array.from({ length: 1000 }, (_, i) => ({ tenantId: `tenant-${i}`, plan: "pro" }));
  let on = 0;
  const run = (times: number): void => {
    for (let i = 0; i < times; i++) {
      const subject = subjects[i % subjects.length];
      if (flags.get("checkout", subject)) on++;
      if (flags.get("theme", subject) === "dark") on++;
    }
  };
  // Until the code is compiled for good.
  for (let i = 0; i < 5; i++) run(100_000);
  const attempts = [await measure(run), await measure(run), await measure(run)];
  expect(on).toBeGreaterThan(0);
  // Garbage of earlier tests may be collected in one of the attempts; that of evaluations would be in all of them.
  expect(attempts).toContainEqual({ collections: 0, grownMiB: 0 });
  await flags.close();
});

/** Collections, and growth of the heap in whole MiB, while a million evaluations run. */
async function measure(run: (times: number) => void): Promise<{ collections: number; grownMiB: number }> {
  let collections = 0;
  const observer = new PerformanceObserver((list) => void (collections += list.getEntries().length));
  observer.observe({ entryTypes: ["gc"] });
  const before = process.memoryUsage().heapUsed;
  run(EVALUATIONS);
  const grown = process.memoryUsage().heapUsed - before;
  // Entries are delivered in a later turn.
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  observer.disconnect();
  return { collections, grownMiB: Math.max(0, Math.floor(grown / 2 ** 20)) };
}
