import { createRequire } from "node:module";
import { StoreError, systemClock } from "@scale/core";
import { withDeadline } from "@scale/core/kit";
import { type Finding, skewFinding } from "./findings.js";

/** An ioredis or node-redis client: the two commands that the doctor sends. */
export interface DoctorRedis {
  info(): Promise<unknown>;
  time(): Promise<unknown>;
}

export interface RedisDoctorOptions {
  readonly redis: DoctorRedis;
  /**
   * Deadline of each command, in milliseconds.
   * @default 2000
   */
  readonly timeoutMs?: number;
}

/** The scripts of the store are written for this minor version. */
const BULLMQ = /^6\.7\./;

/**
 * Checks a Redis that is to hold jobs, by `INFO` and `TIME`, which managed servers allow too. Run it at the start of a worker, and in the
 * deployment pipeline: a finding of severity `error` means that jobs are lost in normal operation.
 * @returns what to change; empty when nothing was found
 * @throws {StoreError} when the server does not answer
 */
export async function checkRedis({ redis, timeoutMs = 2000 }: RedisDoctorOptions): Promise<readonly Finding[]> {
  const info = parseInfo(await ask(redis.info(), timeoutMs));
  const atMs = systemClock.now();
  const begunMs = systemClock.monotonic();
  const time = await ask(redis.time(), timeoutMs);
  const tookMs = systemClock.monotonic() - begunMs;
  return [
    ...versions(info),
    ...eviction(info),
    ...persistence(info),
    ...replication(info),
    ...skewFinding(timeOf(time), { atMs, tookMs }),
  ];
}

async function ask(work: Promise<unknown>, timeoutMs: number): Promise<unknown> {
  try {
    return await withDeadline(work, timeoutMs, "Redis");
  } catch (cause) {
    throw new StoreError("the doctor got no answer of Redis", { cause });
  }
}

type Info = ReadonlyMap<string, string>;

function parseInfo(text: unknown): Info {
  const lines = String(text).split(/\r?\n/);
  return new Map(
    lines.flatMap((line): [string, string][] => {
      const colon = line.indexOf(":");
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)]] : [];
    }),
  );
}

function versions(info: Info): Finding[] {
  const findings: Finding[] = [];
  // Valkey reports a `redis_version` of 7.2 as well.
  const version = info.get("redis_version") ?? "unknown";
  if (!(Number.parseInt(version, 10) >= 7)) {
    findings.push({
      code: "redis-version",
      severity: "error",
      message: `expected Redis 7.0 or Valkey 7.2, or later, got ${version}`,
      fix: "Upgrade the server.",
    });
  }
  const bullmq = bullmqVersion();
  if (bullmq === undefined || !BULLMQ.test(bullmq)) {
    findings.push({
      code: "bullmq-version",
      severity: "error",
      message: `expected bullmq 6.7, got ${bullmq ?? "none"}`,
      fix: "Install bullmq ~6.7.0.",
    });
  }
  return findings;
}

function bullmqVersion(): string | undefined {
  try {
    const manifest: unknown = createRequire(import.meta.url)("bullmq/package.json");
    if (typeof manifest !== "object" || manifest === null || !("version" in manifest)) return undefined;
    return String(manifest.version);
  } catch {
    return undefined; // Not installed: the finding says so.
  }
}

function eviction(info: Info): Finding[] {
  const policy = info.get("maxmemory_policy");
  if (policy === undefined) return [unknown("maxmemory-policy")];
  if (policy === "noeviction") return [];
  const hasLimit = info.get("maxmemory") !== "0";
  return [
    {
      code: "redis-eviction",
      severity: hasLimit ? "error" : "warning",
      message: `expected maxmemory-policy noeviction, got ${policy}${hasLimit ? "" : ", without a maxmemory so far"}`,
      fix: "Set maxmemory-policy noeviction, and give the cache a Redis of its own.",
    },
  ];
}

function persistence(info: Info): Finding[] {
  const aof = info.get("aof_enabled");
  if (aof === undefined) return [unknown("appendonly")];
  if (aof === "1") return [];
  return [
    {
      code: "redis-no-aof",
      severity: "error",
      message: "expected appendonly yes, got no: a restart loses every job since the last snapshot",
      fix: "Set appendonly yes, with appendfsync everysec or always.",
    },
  ];
}

function replication(info: Info): Finding[] {
  if (info.get("role") === "slave") {
    return [
      {
        code: "redis-replica",
        severity: "error",
        message: "expected the primary, got a replica",
        fix: "Connect to the primary, through Sentinel or Cluster where it can change.",
      },
    ];
  }
  const replicas = Number(info.get("connected_slaves") ?? 0);
  // Present only with min-replicas-to-write above 0.
  if (replicas === 0 || info.has("min_slaves_good_slaves")) return [];
  return [
    {
      code: "redis-async-replicas",
      severity: "warning",
      message: `expected min-replicas-to-write of at least 1, got 0 with ${replicas} replicas: a failover loses jobs that were acknowledged`,
      fix: "Set min-replicas-to-write 1 and min-replicas-max-lag 1, or write jobs to the outbox.",
    },
  ];
}

const unknown = (setting: string): Finding => ({
  code: "unknown-setting",
  severity: "warning",
  message: `expected ${setting} in the answer of INFO, got none`,
  fix: "Check the setting with your provider.",
});

// ioredis returns seconds and microseconds as strings, node-redis a date.
function timeOf(time: unknown): number {
  if (time instanceof Date) return time.getTime();
  const [seconds, micros] = Array.isArray(time) ? time.map(Number) : [];
  return (seconds ?? Number.NaN) * 1000 + (micros ?? 0) / 1000;
}
