import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isScaleError } from "@scale/core";
import { type Environment, envVariables, loadScaleEnv } from "./index.js";

fc.configureGlobal({ seed: 20_261_120 });

/** The lines of the error without its headline; empty when the environment loads. */
function problemsOf(env: Environment): string[] {
  try {
    loadScaleEnv(env);
  } catch (error) {
    if (!isScaleError(error, "SCALE_CONFIG")) throw error;
    return error.message.split("\n  ").slice(1);
  }
  return [];
}

describe("an invalid environment", () => {
  it("throws one error with all problems, one per line", () => {
    const env = {
      DATABASE_URL: "mysql://app:pw@db/shop",
      DB_POOL_MAX: "many",
      REDIS_URL: "localhost:6379",
      STATSD_HOST: "udp://statsd",
      STATSD_PORT: "70000",
      APM_SERVER_URL: "apm.example.com",
      SENTRY_DSN: "your-sentry-dsn-here",
      STORAGE_PROVIDER: "gcs",
      ENABLE_CACHING: "maybe",
    };
    expect(problemsOf(env)).toEqual([
      'DATABASE_URL: expected a postgresql:// or postgres:// URL, percent-encoded, got "mysql://***@db/shop"',
      'DB_POOL_MAX: expected an integer from 1 to 10000, got "***"',
      'REDIS_URL: expected a redis:// or rediss:// URL, percent-encoded, got "***"',
      'STATSD_HOST: expected a host name without a scheme or port, got "udp://statsd"',
      'STATSD_PORT: expected an integer from 1 to 65535, got "70000"',
      'APM_SERVER_URL: expected an https:// or http:// URL, got "***"',
      'SENTRY_DSN: expected a DSN such as https://key@host/1, got "***"',
      'STORAGE_PROVIDER: expected one of local, s3, cloudflare-r2, got "***"',
      'ENABLE_CACHING: expected one of true, 1, yes, on, false, 0, no, off, got "***"',
    ]);
  });

  it.each([
    ["s3", "AWS_S3_BUCKET"],
    ["cloudflare-r2", "CLOUDFLARE_R2_BUCKET"],
  ])("throws for a %s provider without %s", (provider, bucket) => {
    const line = `${bucket}: expected a bucket name because STORAGE_PROVIDER is ${provider}, got nothing`;
    expect(problemsOf({ STORAGE_PROVIDER: provider })).toEqual([line]);
    expect(problemsOf({ STORAGE_PROVIDER: provider, [bucket]: "uploads" })).toEqual([]);
  });

  it.each(["0", "-1", "1.5", "1e3", "0x10", "10001", "99999999999999999999", "20 connections"])(
    "throws for a pool of %j",
    (max) => {
      const line = `DATABASE_POOL_MAX: expected an integer from 1 to 10000, got ${JSON.stringify(max)}`;
      expect(problemsOf({ DATABASE_POOL_MAX: max })).toEqual([line]);
    },
  );

  it("throws for a pool whose minimum is above its maximum", () => {
    expect(problemsOf({ DB_POOL_MIN: "9", DATABASE_POOL_MAX: "8", DB_REPLICA_POOL_MIN: "31" })).toEqual([
      "DB_POOL_MIN: expected at most 8 (DATABASE_POOL_MAX), got 9",
      "DB_REPLICA_POOL_MIN: expected at most 30 (the default of DATABASE_REPLICA_POOL_MAX), got 31",
    ]);
    expect(problemsOf({ DB_POOL_MIN: "8", DATABASE_POOL_MAX: "8" })).toEqual([]);
    expect(problemsOf({ DB_POOL_MIN: "10000", DATABASE_POOL_MAX: "10000" })).toEqual([]);
    expect(problemsOf({ DB_POOL_MIN: "21", DATABASE_POOL_MAX: "many" })).toHaveLength(1);
  });

  it.each(["redis://h/one", "redis://", "redis://a:1,b:2", "http://h:6379", "redis://:p#w@h", "redis://h:63\t79"])(
    "throws for the Redis URL %j",
    (url) => {
      expect(problemsOf({ REDIS_URL: url })).toHaveLength(1);
    },
  );

  it.each(["postgres://u:1#w@h/shop", "postgres://u:1/w@h/shop", "postgres://u:1?w@h/shop"])(
    "throws for a password that shifts the parts of %j",
    (url) => {
      expect(problemsOf({ DATABASE_URL: url })).toEqual([
        'DATABASE_URL: expected a postgresql:// or postgres:// URL, percent-encoded, got "postgres://***"',
      ]);
    },
  );

  it.each(["https://sentry.example.com/1", "https://key@sentry.example.com", "https://key@sentry.example.com/"])(
    "throws for the DSN %j",
    (dsn) => {
      expect(problemsOf({ SENTRY_DSN: dsn })).toHaveLength(1);
    },
  );
});

describe("aliases of one setting", () => {
  const aliased = envVariables.filter(({ aliases }) => aliases.length > 0);
  const values = (setting: string): [string, string] =>
    setting === "database.replicaUrls" ? ["postgres://u:pw@r1/shop", "postgres://u:pw@r2/shop"] : ["7", "8"];
  const shown = ({ setting }: { setting: string }): string[] =>
    values(setting).map((value) => JSON.stringify(value.replace("u:pw", "***")));

  it.each(aliased)("must all have the same value: $name", (variable) => {
    const [one, other] = values(variable.setting);
    const names = [variable.name, ...variable.aliases];
    for (const [at, odd] of names.entries()) {
      const env = Object.fromEntries(names.map((name) => [name, name === odd ? other : one]));
      const got = names.map((_, index) => shown(variable)[index === at ? 1 : 0]).join(" and ");
      expect(problemsOf({ DATABASE_POOL_MAX: "9", DATABASE_REPLICA_POOL_MAX: "9", ...env })).toEqual([
        `${names.join(", ")}: expected the same value in all of them, got ${got}`,
      ]);
    }
  });

  it.each(aliased)("are all named as the source: $name", ({ setting, name, aliases }) => {
    const [value] = values(setting);
    const names = [name, ...aliases];
    const { sources } = loadScaleEnv(Object.fromEntries(names.map((each) => [each, value])));
    expect(sources[setting]).toMatchObject({ is: "variable", variables: names });
  });

  it("agree in any subset and any spelling of the value", () => {
    const spelling = fc.constantFrom("20", " 20", "020", "20\n");
    const given = fc.record({ DB_POOL_MAX: spelling, DATABASE_POOL_MAX: spelling }, { requiredKeys: [] });
    fc.assert(
      fc.property(given, (env) => {
        expect(loadScaleEnv(env).database.pool.max).toBe(20);
      }),
    );
  });
});

describe("secrets", () => {
  const special = fc.string({ unit: fc.constantFrom(..."@:/?#,%&=+[]\\ '\"\n$x1".split("")), maxLength: 6 });
  // Digits first: digits before a bare slash look like a port.
  const password = fc
    .tuple(fc.constantFrom("", "12", "s3cret"), special, special)
    .map(([start, middle, end]) => `${start}${middle}s3cret${end}`)
    // The scheme of a URL is shown, and a list is split at commas.
    .filter((secret) => !secret.includes("://"));

  const environments = (secret: string): Environment[] => [
    { DATABASE_URL: `postgres://app:${secret}@db/shop`, REDIS_URL: `redis://:${secret}@cache:6379` },
    { DATABASE_URL: `mysql://app:${secret}@db/shop`, SENTRY_DSN: `https://${secret}@sentry.example.com` },
    { DATABASE_URL: `host=db password=${secret}`, APM_SERVER_URL: `https://app:${secret}@apm` },
    { DATABASE_URL: `postgres://db/shop?password=${secret}`, CDN_BASE_URL: `ftp://u:${secret}@cdn` },
    { DATABASE_READ_URL: `postgres://app:${secret}@r1/shop,app:${secret}@r2`, STATSD_HOST: `udp://u:${secret}@h` },
    { DATABASE_READ_URL: `postgres://u:${secret}@r1/shop`, DATABASE_READ_REPLICAS: "postgres://u@r1/shop" },
    {
      DATABASE_READ_URL: `postgres://u:${encodeURIComponent(secret)}@r1/shop`,
      DATABASE_READ_REPLICAS: "postgres://u@r1/shop",
    },
  ];

  it("are masked in messages and sources, well-formed or not", () => {
    const leaks = (env: Environment): boolean => {
      const wrong = problemsOf({ ...env, STATSD_PORT: "none" });
      const source = problemsOf(env).length > 0 ? {} : loadScaleEnv(env).sources;
      return /s3cret/i.test(wrong.join("\n") + JSON.stringify(source));
    };
    fc.assert(
      fc.property(password, (secret) => {
        expect(environments(secret).filter(leaks)).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it.each(["s3cret", "s3cret@h", "https://s3cret", "https://@s3cret/1"])(
    "are masked when %j is the whole value",
    (dsn) => {
      expect(problemsOf({ SENTRY_DSN: dsn }).join()).toMatch(/^SENTRY_DSN: expected a DSN .*\*\*\*"$/);
      expect(problemsOf({ SENTRY_DSN: dsn }).join()).not.toContain("s3cret");
    },
  );

  const FORMS = [
    "s3cret",
    "s3cret-word",
    "user:s3cret",
    "user:s3cret@host",
    "password=s3cret",
    "host=db password=s3cret",
    "https://user:s3cret@host",
    "redis://:s3cret@host:6379",
    "postgres://user:s3cret@host/db",
    "udp://user:s3cret@host",
    "Bearer s3cret",
    "12s3cret",
    "s3cret,s3cret",
    "s3cret s3cret",
  ];
  const kinds = new Map(
    envVariables.flatMap((each) => [each.name, ...each.aliases].map((name) => [name, each.expected])),
  );

  it.each([...kinds.keys()])("of any form are masked in the error of another variable: %s", (name) => {
    const shown = FORMS.flatMap((value) => problemsOf({ [name]: value }).map((line) => line.replace(name, "")));
    expect(shown.filter((line) => /s3cret/i.test(line))).toEqual([]);
  });

  it("are masked outside of a URL", () => {
    const env = {
      DATABASE_URL: "s3cret",
      REDIS_URL: "s3cret@cache",
      AWS_S3_BUCKET: "redis://h?password=s3cret",
      STATSD_PORT: "no",
    };
    expect(problemsOf(env).join()).not.toContain("s3cret");
    expect(JSON.stringify(loadScaleEnv({ AWS_S3_BUCKET: env.AWS_S3_BUCKET }).sources)).not.toContain("s3cret");
  });

  it("leave scheme, host, port and path readable", () => {
    const { sources } = loadScaleEnv({
      DATABASE_URL: "postgresql://app:pw@db.example.com:5433/shop?sslmode=require",
      SENTRY_DSN: "https://key@o1.example.com/1",
    });
    expect(sources["database.url"]).toMatchObject({ shown: "postgresql://***@db.example.com:5433/shop?***" });
    expect(sources["sentry.dsn"]).toMatchObject({ shown: "https://***@o1.example.com/1" });
  });
});
