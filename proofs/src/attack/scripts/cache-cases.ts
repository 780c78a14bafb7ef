import type { ScriptCase, ScriptStage } from "./server-time.js";

const MEGABYTE = "x".repeat(2 ** 20);
const TTL = 3_600_000;
const BASE = "p:{acme}:";
const GENERATION = "a1b2c3";
const FAR = 9_999_999_999_999;

const list = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i));
const tagOf = (i: number): string => `customer-${i}-${"t".repeat(16)}`;

async function tags({ redis }: ScriptStage, count: number): Promise<void> {
  const pairs = list(count, (i) => [`${BASE}t:${tagOf(i)}`, `${GENERATION}.0`]).flat();
  await redis.mset(`${BASE}g`, `${GENERATION}.5`, ...pairs);
}

const entryKeys = (count: number): string[] => list(count, (i) => `${BASE}e:row:${i}`);

/** The cache: entries, leases, tags. */
export const cacheCases: readonly ScriptCase[] = [
  {
    scripts: ["cache/read.lua"],
    input: "128 entries with 128 tags each",
    async prepare(stage) {
      await tags(stage, 2176);
      const entries = entryKeys(128).map((key, i) => {
        const own = list(128, (n) => tagOf((i * 128 + n) % 2176)).join(":");
        return [key, `T${GENERATION}.1..1.60000.60000.${own}|${"v".repeat(1000)}`];
      });
      await stage.redis.mset(...entries.flat());
    },
    run: ({ call }) => call("cache/read.lua", [`${BASE}g`, ...entryKeys(128)], ["token", 2000, TTL, 128]),
  },
  {
    scripts: ["cache/read.lua"],
    input: "128 missing entries of 64 tenants",
    run: ({ call }) => {
      const keys = list(64, (i) => [`p:{t${i}}:g`, `p:{t${i}}:e:a`, `p:{t${i}}:e:b`]).flat();
      return call("cache/read.lua", keys, ["token", 2000, TTL, ...list(64, () => 2)]);
    },
  },
  {
    scripts: ["cache/fill.lua"],
    input: "128 values with 256 tags in all",
    async prepare(stage) {
      await tags(stage, 128);
      await stage.redis.mset(...entryKeys(128).flatMap((key) => [key, `L${GENERATION}.5..token.${FAR}|`]));
    },
    run({ call }) {
      const values = list(128, (i) => [
        `token.60000.60000.${list(2, (n) => tagOf(i * 2 + n)).join(":")}`,
        "v".repeat(4000),
        "m".repeat(200),
      ]);
      const keys = entryKeys(128).flatMap((key) => [`${BASE}g`, key]);
      return call("cache/fill.lua", keys, [TTL, "bus", ...values.flat()]);
    },
  },
  {
    scripts: ["cache/invalidate.lua"],
    input: "256 tags",
    prepare: (stage) => tags(stage, 256),
    run: ({ call }) =>
      call("cache/invalidate.lua", [`${BASE}g`], ["", TTL, "bus", "m".repeat(16_384), ...list(256, tagOf)]),
  },
  {
    scripts: ["cache/invalidate.lua"],
    input: "256 entries of 4 kB",
    async prepare({ redis }) {
      await redis.mset(...entryKeys(256).flatMap((key) => [key, "v".repeat(4000)]));
    },
    run: ({ call }) => call("cache/invalidate.lua", [`${BASE}g`, ...entryKeys(256)], ["", TTL, "bus", "message"]),
  },
  oneEntryCase("cache/claim.lua", ["token", 2000, TTL, "refresh", ""]),
  oneEntryCase("cache/release.lua", ["token"]),
  oneEntryCase("cache/renew.lua", ["token", 2000]),
  {
    scripts: ["cache/heartbeat.lua"],
    input: "one message",
    run: ({ call }) => call("cache/heartbeat.lua", ["p:{heartbeat}"], ["p:heartbeat", "1"]),
  },
  ...bentocacheCases(),
];

/** A script over one entry: a value to claim, or a lease with the value that it replaces. */
function oneEntryCase(name: string, args: readonly (string | number)[]): ScriptCase {
  const isClaim = name === "cache/claim.lua";
  return {
    scripts: [name],
    input: "an entry of 1 MiB",
    async prepare({ redis }) {
      const value = `V${GENERATION}.1..1.60000.60000.|${MEGABYTE}`;
      const entry = isClaim ? value : `L${GENERATION}.5..token.${FAR}|${value}`;
      await redis.mset(`${BASE}g`, `${GENERATION}.5`, `${BASE}e:row:0`, entry);
    },
    run: ({ call }) => call(name, [...(isClaim ? [`${BASE}g`] : []), `${BASE}e:row:0`], args),
  };
}

function bentocacheCases(): readonly ScriptCase[] {
  const generations = list(16, (i) => `b:{p}:g${i}`);
  const valid = `${list(16, () => "a").join(".")}|`;
  const prepare = async ({ redis }: ScriptStage): Promise<void> => {
    await redis.mset(...generations.flatMap((key) => [key, "a"]), "b:{p}:e", valid + MEGABYTE);
    await redis.mset(...list(500, (i) => [`b:{p}:e${i}`, `${valid}v`]).flat());
  };
  const keys = ["b:{p}:e", ...generations];
  const input = "an entry of 1 MiB in 16 namespaces";
  const of = (file: string): string => `cache/bentocache/${file}.lua`;
  return [
    { scripts: [of("read")], input, prepare, run: ({ call }) => call(of("read"), keys, []) },
    { scripts: [of("pull")], input, prepare, run: ({ call }) => call(of("pull"), keys, []) },
    {
      ...{ scripts: [of("write")], input, prepare },
      run: ({ call }) => call(of("write"), keys, ["id", 60_000, TTL, MEGABYTE]),
    },
    {
      ...{ scripts: [of("remove")], input: "500 entries in 16 namespaces", prepare },
      run: ({ call }) => call(of("remove"), [...generations, ...list(500, (i) => `b:{p}:e${i}`)], [16]),
    },
    {
      ...{ scripts: [of("clear")], input: "one namespace", prepare },
      run: ({ call }) => call(of("clear"), [generations[0] ?? ""], []),
    },
  ];
}
