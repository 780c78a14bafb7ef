import { createMemory } from "@scale/cache/scenarios";
import { judge, type Line } from "@scale/testkit";
import { ENTRY, keyOf, NAMESPACE } from "./caches.js";

const GATE = { atMost: 2 };

/** The longest block of the event loop by clearing a tenant, and by the writes after it. */
export function* clears(smoke: boolean): Iterable<Line> {
  const keys = smoke ? 1000 : 100_000;
  const longest = Array.from({ length: 5 }, () => longestMs(keys)).sort((a, b) => a - b);
  const [, , median = Number.NaN] = longest;
  const bench = `cache: longest pause when a tenant of ${keys} entries is cleared`;
  yield { bench, unit: "ms", ours: median, ...judge(median, { gate: GATE }) };
}

/** The longest of the clear and of a hundred writes after it. Garbage collection is included. */
function longestMs(keys: number): number {
  const partition = createMemory({ maxBytes: 1_000_000_000 }).tenant("acme");
  partition.set("other", "1", ENTRY);
  for (let key = 0; key < keys; key++) partition.set(NAMESPACE, keyOf(key), ENTRY);
  let longest = timeMs(() => partition.clear());
  for (let i = 0; i < 100; i++)
    longest = Math.max(
      longest,
      timeMs(() => partition.set("other", "1", ENTRY)),
    );
  return longest;
}

/** CPU time bounds the elapsed time, so that time given to other programs of the machine does not count. */
function timeMs(act: () => void): number {
  const cpu = process.cpuUsage();
  const start = performance.now();
  act();
  const elapsed = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return Math.min(elapsed, (user + system) / 1000);
}
