import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RedisServer, startRedis } from "@scale/testkit";
import { Redis } from "ioredis";

const PACKAGES = fileURLToPath(new URL("../../packages/", import.meta.url));

/** A script as its package ships it. */
export interface ShippedScript {
  /** `<package>/<file>`, such as `cache/read.lua`. */
  readonly name: string;
  readonly sha1: string;
  readonly source: string;
}

/** One way to run scripts at their largest admitted input. */
export interface ScriptCase {
  /** Input in words, for the line. */
  readonly input: string;
  /** Scripts whose time is reported; the others that `run` happens to call are not. */
  readonly scripts: readonly string[];
  /** Writes what the script then meets. Its commands are not measured. */
  prepare?(stage: ScriptStage): Promise<unknown>;
  run(stage: ScriptStage): Promise<unknown>;
}

export interface ScriptStage {
  readonly server: RedisServer;
  readonly redis: Redis;
  script(name: string): ShippedScript;
  /** True when reads of the realtime hub begin with the part that they share. */
  readonly hasHistory: boolean;
  /** Runs a script with keys and arguments. */
  call(name: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
}

/** All scripts that the packages ship, read from their generated sources. */
function shippedScripts(): readonly ShippedScript[] {
  return readdirSync(PACKAGES).flatMap((name) => {
    const folder = join(PACKAGES, name, "src");
    if (!existsSync(folder)) return [];
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
    return files.filter((file) => file.endsWith("scripts.gen.ts")).flatMap((file) => scriptsIn(folder, file, name));
  });
}

const SCRIPT = /\/\*\* (\S+\.lua) \*\/[\s\S]*?sha1: "([0-9a-f]{40})",\s*source:\s*("(?:[^"\\]|\\.)*")/g;
/** Folders that most scripts are in. */
const USUAL = new Set(["redis", "lua", "adapters", "usage"]);

function scriptsIn(folder: string, file: string, of: string): readonly ShippedScript[] {
  const place = [of, ...dirname(file).split("/")].filter((part) => !USUAL.has(part)).join("/");
  return [...readFileSync(join(folder, file), "utf8").matchAll(SCRIPT)].map(
    ([, lua = "", sha1 = "", source = '""']) => ({
      ...{ name: `${place}/${lua}`, sha1 },
      source: JSON.parse(source) as string,
    }),
  );
}

const HISTORY = "realtime/history.lua";

/** Reads of the realtime hub begin with a part that they share. */
function withHistory(scripts: readonly ShippedScript[]): readonly ShippedScript[] {
  const history = scripts.find(({ name }) => name === HISTORY);
  if (history === undefined) return scripts;
  return scripts.map((script) => {
    if (script.name !== "realtime/read.lua" && script.name !== "realtime/tails.lua") return script;
    const source = `${history.source}\n${script.source}`;
    return { ...script, source, sha1: createHash("sha1").update(source).digest("hex") };
  });
}

/** The server time of one script at one input, in microseconds. */
export interface ServerTime {
  readonly script: string;
  readonly input: string;
  /** Least over the rounds of the slowest call of each: what the machine does beside it only adds. */
  readonly leastUs: number;
  readonly rounds: number;
}

/** Runs each case a number of times on a server of its own, and reads the times of its scripts from the server's slow log. */
export async function* serverTimes(cases: readonly ScriptCase[], rounds: number): AsyncIterable<ServerTime> {
  const server = await startRedis({ args: ["--slowlog-log-slower-than", "0", "--slowlog-max-len", "100000"] });
  const redis = new Redis(server.url, { maxRetriesPerRequest: 0 });
  const scripts = new Map(withHistory(shippedScripts()).map((script) => [script.name, script]));
  const stage = stageOn(server, redis, scripts);
  const hashOf = (name: string): string | undefined => (isPart(name) ? undefined : scripts.get(name)?.sha1);
  try {
    for (const one of cases) {
      const slowest = one.scripts.map((name) => ({ name, hash: hashOf(name), least: Infinity }));
      await runOnce(stage, one); // The server does not know the scripts before that.
      for (let round = 0; round < rounds; round++) {
        await runOnce(stage, one);
        await Promise.all(
          slowest.map(async (script) => {
            script.least = Math.min(script.least, await slowestCall(redis, script.hash));
          }),
        );
      }
      for (const { name, least } of slowest) yield { script: name, input: one.input, leastUs: least, rounds };
    }
  } finally {
    redis.disconnect();
    await server.stop();
  }
}

async function runOnce(stage: ScriptStage, { prepare, run }: ScriptCase): Promise<void> {
  await stage.redis.flushall();
  await prepare?.(stage);
  await stage.redis.slowlog("RESET");
  await run(stage);
}

/** Scripts of the queue are parts of longer ones, whose hash is known at run time only. */
const isPart = (name: string): boolean => name.startsWith("queue/");

function stageOn(server: RedisServer, redis: Redis, scripts: ReadonlyMap<string, ShippedScript>): ScriptStage {
  const script = (name: string): ShippedScript => {
    const found = scripts.get(name);
    if (found === undefined) throw new Error(`no package ships ${name}; known: ${[...scripts.keys()].join(", ")}`);
    return found;
  };
  return {
    server,
    redis,
    script,
    hasHistory: scripts.has(HISTORY),
    async call(name, keys, args) {
      const { sha1, source } = script(name);
      await redis.script("LOAD", source);
      return redis.evalsha(sha1, keys.length, ...keys, ...args);
    },
  };
}

/** @param sha1 `undefined`: of all scripts. @returns NaN when the script was not called */
async function slowestCall(redis: Redis, sha1: string | undefined): Promise<number> {
  const entries = (await redis.slowlog("GET", "100000")) as readonly (readonly unknown[])[];
  const times = entries.flatMap(([, , us, argv]) => {
    const [command, id] = argv as readonly string[];
    const isScript = command?.toLowerCase() === "evalsha" || command?.toLowerCase() === "eval";
    return isScript && (sha1 === undefined || id === sha1) ? [Number(us)] : [];
  });
  return times.length === 0 ? NaN : Math.max(...times);
}
