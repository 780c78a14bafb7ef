import { randomBytes } from "node:crypto";
import type { ScriptCase, ScriptStage } from "./server-time.js";

const TTL = 3_600_000;
const EPOCH = randomBytes(16).toString("hex");
const list = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i));

const topic = (i: number): string => `r:{acme}:topic:t${i}`;

/** A tenant with topics, each with events that are kept. */
async function topics(
  { redis }: ScriptStage,
  { count, events, body }: { readonly count: number; readonly events: number; readonly body: string },
): Promise<void> {
  const now = Date.now() * 1024;
  await redis.set("r:{acme}:history", `${EPOCH} - ${now}`);
  for (let t = 0; t < count; t++) {
    const pipeline = redis.pipeline();
    for (let n = 0; n < events; n++) {
      pipeline.xadd(
        topic(t),
        `${now - 1_000_000 + n}-0`,
        "e",
        EPOCH,
        "p",
        n === 0 ? "0" : now - 1_000_001 + n,
        "b",
        body,
      );
    }
    pipeline.set(`${topic(t)}:tail`, `${EPOCH} ${now}`);
    await pipeline.exec();
  }
}

/** Realtime, flags, breakers and rollups. */
export const otherCases: readonly ScriptCase[] = [
  {
    scripts: ["realtime/append.lua"],
    input: "64 events of 8 kB, with ids",
    run({ call }) {
      const keys = list(64, (i) => ["r:{acme}:history", topic(i), `${topic(i)}:tail`, `r:{acme}:id:${i}`]).flat();
      const events = list(64, () => [EPOCH, "b".repeat(8000), "1"]).flat();
      return call("realtime/append.lua", keys, [1000, TTL, TTL, TTL, "PUBLISH", "reset", "", ...events]);
    },
  },
  {
    scripts: ["realtime/read.lua"],
    input: "256 of 4,096 events of 32 topics",
    prepare: (stage) => topics(stage, { count: 32, events: 128, body: "b".repeat(200) }),
    run: (stage) => readTopics(stage, 32),
  },
  {
    scripts: ["realtime/read.lua"],
    input: "128 topics",
    prepare: (stage) => topics(stage, { count: 128, events: 4, body: "b".repeat(200) }),
    run: (stage) => readTopics(stage, 128),
  },
  {
    scripts: ["realtime/read.lua"],
    input: "256 kB of 8 MiB of events of one topic",
    prepare: (stage) => topics(stage, { count: 1, events: 128, body: "b".repeat(65_536) }),
    run: (stage) => readTopics(stage, 1),
  },
  {
    scripts: ["realtime/tails.lua"],
    input: "200 topics",
    prepare: (stage) => topics(stage, { count: 200, events: 1, body: "b" }),
    run: ({ call }) =>
      call(
        "realtime/tails.lua",
        ["r:{acme}:history", ...list(200, (i) => `${topic(i)}:tail`)],
        [TTL, "reset", "", EPOCH],
      ),
  },
  {
    scripts: ["realtime/set-presence.lua"],
    input: "200 topics",
    run: ({ call }) =>
      call(
        "realtime/set-presence.lua",
        list(200, (i) => `r:{acme}:p:${i}`),
        ["process", TTL, "", ...list(200, () => 1)],
      ),
  },
  {
    scripts: ["realtime/count-presence.lua"],
    input: "1,000 processes",
    async prepare({ redis }) {
      const until = Date.now() + TTL;
      await redis.hset("r:{acme}:p", Object.fromEntries(list(1000, (i) => [`process-${i}`, `1 ${until}`])));
    },
    run: ({ call }) => call("realtime/count-presence.lua", ["r:{acme}:p"], [""]),
  },
  {
    scripts: ["flags/write.lua"],
    input: "a document of 1 MiB",
    run: ({ call }) =>
      call("flags/write.lua", ["f:{flags}"], ["", "r1", 0, "x".repeat(2 ** 20), "ann", Date.now(), "", "f:changes"]),
  },
  {
    scripts: ["flags/read.lua"],
    input: "a document of 1 MiB",
    prepare: ({ redis }) => redis.hset("f:{flags}", { revision: "r1", version: 1, text: "x".repeat(2 ** 20) }),
    run: ({ call }) => call("flags/read.lua", ["f:{flags}"], ["", 2 ** 20]),
  },
  breakerCase("claim-probe", 1, ["process", 2000]),
  breakerCase("report-open", 2, ["process", 10_000, 10_000, 5000]),
  {
    ...breakerCase("report-closed", 2, []),
    run: ({ call }) => call("breaker/report-closed.lua", ["b:{x}", "b:{x}:open"], ["process-1", 60_000]),
  },
  {
    ...breakerCase("read-advice", 1, []),
    run: ({ call }) => call("breaker/read-advice.lua", ["b:{x}:open"], ["", 10_000]),
  },
  {
    scripts: ["metrics/add.lua"],
    input: "188 fields",
    run: ({ call }) =>
      call(
        "metrics/add.lua",
        ["m:{t}:last", "m:{t}:hour", "m:{t}:day", "m:{t}:week"],
        [1, TTL, TTL, TTL, TTL, ...list(188, (i) => [`c${i}`, 10]).flat()],
      ),
  },
  {
    scripts: ["metrics/read.lua"],
    input: "40 periods of 188 fields",
    async prepare({ redis }) {
      const fields = Object.fromEntries(list(188, (i) => [`c${i}`, 1_000_000 + i]));
      const pipeline = redis.pipeline();
      for (let i = 0; i < 40; i++) pipeline.hset(`m:{t}:hour:${i}`, fields);
      await pipeline.exec();
    },
    run: ({ call }) =>
      call(
        "metrics/read.lua",
        list(40, (i) => `m:{t}:hour:${i}`),
        [],
      ),
  },
];

/** Reads all events that are kept of some topics, each with its share of a page. */
function readTopics({ call, hasHistory }: ScriptStage, count: number): Promise<unknown> {
  const keys = ["r:{acme}:history", ...list(count, topic)];
  const cursor = [EPOCH, (Date.now() - 1_000_000) * 1024];
  const limit = Math.max(1, Math.floor(256 / count));
  const args = hasHistory
    ? [TTL, "reset", "", EPOCH, TTL, limit, Math.floor(262_144 / count), count > 1 ? 1 : 4, ...cursor]
    : [TTL, TTL, "reset", "", EPOCH, limit, ...cursor];
  return call("realtime/read.lua", keys, args);
}

/** A breaker that is open in 1,000 processes. */
function breakerCase(file: string, keys: 1 | 2, args: readonly (string | number)[]): ScriptCase {
  const name = `breaker/${file}.lua`;
  return {
    scripts: [name],
    input: "1,000 processes",
    async prepare({ redis }) {
      const until = Date.now() + TTL;
      await redis.zadd("b:{x}:open", ...list(1000, (i) => [until + i, `process-${i}`]).flat());
    },
    run: ({ call }) => call(name, keys === 1 ? ["b:{x}"] : ["b:{x}", "b:{x}:open"], ["", ...args]),
  };
}
