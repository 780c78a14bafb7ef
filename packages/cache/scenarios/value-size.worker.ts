import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { serveWorker } from "@scale/testkit";
import { createCache } from "../src/index.js";
import { sizedValues } from "./sized-values.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function usedBytes(): number {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Fills the memory of a cache with values of one kind. @returns what it counts, and what the process has grown by */
serveWorker(async (message) => {
  const kind = sizedValues[String(message)];
  if (kind === undefined) throw new Error(`expected a kind of values, got ${String(message)}`);
  const { count, valueOf, codec } = kind;
  const cache = createCache({ memory: { maxBytes: 4e9, maxEntryBytes: 1e9 } });
  const value = cache.define({
    name: "value",
    key: ({ id }: { id: number }) => String(id),
    ttl: "1h",
    ...(codec !== undefined && { format: { codec } }),
    load: ({ id }) => valueOf(id),
  });
  const acme = cache.tenant("acme");
  // The first values of a kind make what all share.
  for (let id = -20; id < 0; id++) await acme.get(value, { id });
  const before = { used: usedBytes(), counted: cache.stats().memory?.bytes ?? 0 };
  for (let id = 0; id < count; id++) await acme.get(value, { id });
  const counted = (cache.stats().memory?.bytes ?? 0) - before.counted;
  const used = usedBytes() - before.used;
  // Used afterwards, so that it is alive while it is measured.
  return { counted, used, entries: cache.stats().memory?.entries ?? 0 };
});
