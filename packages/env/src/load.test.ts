import { describe, expect, expectTypeOf, it } from "vitest";
import { ConfigError } from "@scale/core";
import { type EnvVariable, envVariables, loadScaleEnv, type ScaleEnv } from "./index.js";

const PRIMARY = "postgresql://app:pw@db.example.com:5432/shop";

const namesOf = ({ name, aliases }: EnvVariable): readonly string[] => [name, ...aliases];

/** One valid value of every variable, and the setting that must have it. */
const EVERY_NAME: [variable: string, value: string, read: (env: ScaleEnv) => unknown, expected: unknown][] = [
  ["APP_NAME", "IntegratedLensSystem", (env) => env.appName, "IntegratedLensSystem"],
  ["DATABASE_URL", PRIMARY, (env) => env.database.url, PRIMARY],
  ["DATABASE_READ_URL", "postgresql://r:5432/shop", (env) => env.database.replicaUrls, ["postgresql://r:5432/shop"]],
  ["DATABASE_READ_REPLICA_URL", "postgres://r/shop", (env) => env.database.replicaUrls, ["postgres://r/shop"]],
  [
    "DATABASE_READ_REPLICAS",
    "postgres://r1/shop,postgres://r2/shop",
    (env) => env.database.replicaUrls,
    ["postgres://r1/shop", "postgres://r2/shop"],
  ],
  ["DB_POOL_MAX", "40", (env) => env.database.pool, { max: 40, min: 5 }],
  ["DB_POOL_MIN", "2", (env) => env.database.pool, { max: 20, min: 2 }],
  ["DB_REPLICA_POOL_MAX", "40", (env) => env.database.replicaPool, { max: 40, min: 10 }],
  ["DB_REPLICA_POOL_MIN", "2", (env) => env.database.replicaPool, { max: 30, min: 2 }],
  ["DATABASE_POOL_MAX", "40", (env) => env.database.pool, { max: 40, min: 5 }],
  ["DATABASE_POOL_MIN", "2", (env) => env.database.pool, { max: 20, min: 2 }],
  ["DATABASE_REPLICA_POOL_MAX", "40", (env) => env.database.replicaPool, { max: 40, min: 10 }],
  ["DATABASE_REPLICA_POOL_MIN", "2", (env) => env.database.replicaPool, { max: 30, min: 2 }],
  ["REDIS_URL", "rediss://:pw@cache:6380/1", (env) => env.redis.url, "rediss://:pw@cache:6380/1"],
  ["STATSD_HOST", "statsd.example.com", (env) => env.statsd, { host: "statsd.example.com", port: 8125 }],
  ["STATSD_PORT", "9125", (env) => env.statsd, { host: undefined, port: 9125 }],
  ["APM_SERVER_URL", "https://apm.example.com", (env) => env.apm.serverUrl, "https://apm.example.com"],
  ["SENTRY_DSN", "https://key@sentry.example.com/1", (env) => env.sentry.dsn, "https://key@sentry.example.com/1"],
  ["NEXT_PUBLIC_SENTRY_DSN", "https://key@o1.io/2", (env) => env.sentry.publicDsn, "https://key@o1.io/2"],
  ["STORAGE_PROVIDER", "local", (env) => env.storage.provider, "local"],
  ["UPLOAD_DIR", "/srv/files", (env) => env.storage.uploadDir, "/srv/files"],
  ["AWS_S3_BUCKET", "ils-staging-uploads", (env) => env.storage.s3Bucket, "ils-staging-uploads"],
  ["CLOUDFLARE_R2_BUCKET", "ils-production", (env) => env.storage.r2Bucket, "ils-production"],
  ["CDN_BASE_URL", "https://cdn.example.com", (env) => env.storage.cdnBaseUrl, "https://cdn.example.com"],
  ["ENABLE_JOB_QUEUES", "true", (env) => env.features.jobQueues, true],
  ["USE_READ_REPLICAS", "true", (env) => env.features.readReplicas, true],
  ["ENABLE_CACHING", "false", (env) => env.features.caching, false],
];

describe("loadScaleEnv", () => {
  it.each(EVERY_NAME)("reads %s", (variable, value, read, expected) => {
    const env = loadScaleEnv({ [variable]: value });
    expect(read(env)).toEqual(expected);
    const row = envVariables.find((each) => namesOf(each).includes(variable));
    expect(row && env.sources[row.setting]).toMatchObject({ is: "variable", variables: [variable] });
  });

  it("reads no variable that is missing in the table of this test", () => {
    expect(envVariables.flatMap(namesOf).sort()).toEqual(EVERY_NAME.map(([name]) => name).sort());
  });

  it("maps every name to one setting", () => {
    expect(new Set(envVariables.flatMap(namesOf)).size).toBe(envVariables.flatMap(namesOf).length);
  });

  it("has a default for every setting that does not name another system", () => {
    const { sources, ...settings } = loadScaleEnv({});
    expect(settings).toEqual({
      appName: undefined,
      database: {
        url: undefined,
        replicaUrls: [],
        pool: { max: 20, min: 5 },
        replicaPool: { max: 30, min: 10 },
        useReplicas: false,
      },
      redis: { url: undefined },
      statsd: { host: undefined, port: 8125 },
      apm: { serverUrl: undefined },
      sentry: { dsn: undefined, publicDsn: undefined },
      storage: {
        provider: "local",
        uploadDir: "./uploads",
        s3Bucket: undefined,
        r2Bucket: undefined,
        cdnBaseUrl: undefined,
      },
      features: { jobQueues: false, caching: true, readReplicas: false },
    });
    expect(Object.keys(sources).sort()).toEqual(envVariables.map(({ setting }) => setting).sort());
    expect(sources["database.pool.max"]).toEqual({ is: "default", shown: "20" });
    expect(sources["database.url"]).toEqual({ is: "unset" });
  });

  it("reads process.env by default", () => {
    expect(loadScaleEnv().appName).toBe(process.env["APP_NAME"]);
  });

  it("freezes its result, to the last level", () => {
    const env = loadScaleEnv({ DATABASE_READ_URL: "postgres://r/shop" });
    const parts = [env, env.database, env.database.replicaUrls, env.database.pool, env.features, env.sources];
    expect(parts.every((part) => Object.isFrozen(part))).toBe(true);
    expect(Object.isFrozen(env.sources["database.replicaUrls"])).toBe(true);
  });

  it.each(["", "   "])("reads %j as not set", (empty) => {
    const env = loadScaleEnv({ DATABASE_URL: empty, DATABASE_POOL_MAX: empty, DB_POOL_MAX: "7" });
    expect(env.database.url).toBeUndefined();
    expect(env.database.pool.max).toBe(7);
    expect(env.sources["database.pool.max"]).toEqual({ is: "variable", variables: ["DB_POOL_MAX"], shown: "7" });
  });

  it.each(["true", "TRUE", "1", "yes", "on", " On "])("reads %j as on", (word) => {
    expect(loadScaleEnv({ ENABLE_JOB_QUEUES: word }).features.jobQueues).toBe(true);
  });

  it.each(["false", "False", "0", "no", "off"])("reads %j as off", (word) => {
    expect(loadScaleEnv({ ENABLE_CACHING: word }).features.caching).toBe(false);
  });

  it("loads the variables of a managed deployment", () => {
    const env = loadScaleEnv({
      STORAGE_PROVIDER: "cloudflare-r2",
      CLOUDFLARE_R2_BUCKET: "ils-production",
      CDN_BASE_URL: "https://uploads.yourdomain.com",
      DATABASE_URL: "postgresql://app:p%40ss@primary.db.com/shop",
      DATABASE_READ_REPLICAS: "replica1.db.com,replica2.db.com,replica3.db.com",
      DATABASE_POOL_MAX: "20",
      DATABASE_REPLICA_POOL_MAX: "30",
      USE_READ_REPLICAS: "true",
      ENABLE_CACHING: "true",
      ENABLE_JOB_QUEUES: "true",
    });
    expect(env.database.replicaUrls).toEqual([
      "postgresql://app:p%40ss@replica1.db.com/shop",
      "postgresql://app:p%40ss@replica2.db.com/shop",
      "postgresql://app:p%40ss@replica3.db.com/shop",
    ]);
    expect(env.storage).toMatchObject({ provider: "cloudflare-r2", r2Bucket: "ils-production" });
  });
});

describe("loadScaleEnv with require", () => {
  it("names each missing setting once, by variable, alias or setting", () => {
    const load = (): unknown =>
      loadScaleEnv({}, { require: ["REDIS_URL", "redis.url", "DB_POOL_MAX", "database.url"] });
    const lines = [
      "loadScaleEnv: 3 problems",
      "REDIS_URL: expected a redis:// or rediss:// URL, percent-encoded, got nothing",
      "DATABASE_POOL_MAX (or DB_POOL_MAX): expected an integer from 1 to 10000, got nothing",
      "DATABASE_URL: expected a postgresql:// or postgres:// URL, percent-encoded, got nothing",
    ];
    expect(load).toThrow(new ConfigError(lines.join("\n  ")));
  });

  it("accepts an alias of a required variable", () => {
    const env = loadScaleEnv({ DATABASE_READ_URL: "postgres://r/shop" }, { require: ["DATABASE_READ_REPLICAS"] });
    expect(env.database.replicaUrls).toHaveLength(1);
  });

  it("does not report a wrong value as missing too", () => {
    const load = (): unknown => loadScaleEnv({ REDIS_URL: "http://h" }, { require: ["REDIS_URL"] });
    expect(load).toThrow("loadScaleEnv: 1 problem\n");
  });

  it("throws for an unknown name", () => {
    // @ts-expect-error: the name is a typo
    expect(() => loadScaleEnv({}, { require: ["REDIS_ULR"] })).toThrow("loadScaleEnv: require.0");
    // @ts-expect-error: the option is a typo
    expect(() => loadScaleEnv({}, { requires: [] })).toThrow('Unrecognized key: "requires"');
  });

  it("makes what it names present for the compiler too, and nothing else", () => {
    const given = { DATABASE_URL: PRIMARY, REDIS_URL: "redis://h" };
    const strict = loadScaleEnv(given, { require: ["database.url", "REDIS_URL"] });
    expectTypeOf(strict.database.url).toEqualTypeOf<string>();
    expectTypeOf(strict.redis.url).toEqualTypeOf<string>();
    expectTypeOf(strict.sentry.dsn).toEqualTypeOf<string | undefined>();
    expectTypeOf(strict).toExtend<ScaleEnv>();
    expectTypeOf(loadScaleEnv(given).redis.url).toEqualTypeOf<string | undefined>();

    const sometimes = loadScaleEnv(given, { require: given.REDIS_URL === "" ? [] : ["REDIS_URL"] });
    expectTypeOf(sometimes.redis.url).toEqualTypeOf<string | undefined>();
    const either = loadScaleEnv(given, { require: [given.REDIS_URL === "" ? "DATABASE_URL" : "REDIS_URL"] });
    expectTypeOf(either.redis.url).toEqualTypeOf<string | undefined>();
  });

  it("types the bucket of the chosen provider without undefined", () => {
    const { storage } = loadScaleEnv({ STORAGE_PROVIDER: "s3", AWS_S3_BUCKET: "uploads" });
    if (storage.provider !== "s3") throw new Error(`expected s3, got ${storage.provider}`);
    expectTypeOf(storage.s3Bucket).toEqualTypeOf<string>();
    expect(storage.s3Bucket).toBe("uploads");
  });
});
