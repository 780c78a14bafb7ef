import { createMemory, type Partition } from "@scale/cache/scenarios";
import { judge, type Line } from "@scale/testkit";
import { ENTRY, keyOf, NAMESPACE } from "./caches.js";

const GATE = { atMost: 2 };

/** How long does the loop stand still when a tenant or one of its namespaces is cleared, and in the writes after it? */
export function* clears(smoke: boolean): Iterable<Line> {
  const keys = smoke ? 1000 : 100_000;
  yield lineOf(`a tenant of ${keys} entries is cleared`, keys, (partition) => partition.clear());
  yield lineOf(`a namespace of ${keys} entries is cleared`, keys, (partition) => partition.clear(NAMESPACE));
}

function lineOf(what: string, keys: number, clear: (partition: Partition) => void): Line {
  const longest = Array.from({ length: 5 }, () => longestMs(keys, clear)).sort((a, b) => a - b);
  const [, , median = Number.NaN] = longest;
  return { bench: `cache: longest pause when ${what}`, unit: "ms", ours: median, ...judge(median, { gate: GATE }) };
}

/** Of the clearing itself and of a hundred writes. Collection of garbage is not told apart. */
function longestMs(keys: number, clear: (partition: Partition) => void): number {
  const partition = createMemory({ maxBytes: 1_000_000_000 }).tenant("acme");
  partition.set("other", "1", ENTRY);
  for (let key = 0; key < keys; key++) partition.set(NAMESPACE, keyOf(key), ENTRY);
  let longest = timeMs(() => clear(partition));
  for (let i = 0; i < 100; i++)
    longest = Math.max(
      longest,
      timeMs(() => partition.set("other", "1", ENTRY)),
    );
  return longest;
}

/** What the machine gave to other programs meanwhile is not counted: this process had no CPU time then. */
function timeMs(act: () => void): number {
  const cpu = process.cpuUsage();
  const start = performance.now();
  act();
  const elapsed = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return Math.min(elapsed, (user + system) / 1000);
}
