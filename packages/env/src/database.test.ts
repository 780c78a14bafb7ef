import { describe, expect, it } from "vitest";
import { ConfigError } from "@scale/core";
import { type Environment, loadScaleEnv } from "./index.js";

const replicasOf = (env: Environment): readonly string[] => loadScaleEnv(env).database.replicaUrls;

describe("connection_limit", () => {
  it("sets the maximum of the pool and is removed from the URL", () => {
    const { database, sources } = loadScaleEnv({
      DATABASE_URL: "postgresql://u:p@db/shop?connection_limit=12&schema=public",
      DATABASE_READ_URL: "postgresql://u:p@r1/shop?sslmode=require&connection_limit=15,postgresql://r2/shop",
    });
    expect(database).toMatchObject({
      url: "postgresql://u:p@db/shop?schema=public",
      replicaUrls: ["postgresql://u:p@r1/shop?sslmode=require", "postgresql://r2/shop"],
      pool: { max: 12, min: 5 },
      replicaPool: { max: 15, min: 10 },
    });
    expect(sources["database.pool.max"]).toEqual({
      is: "variable",
      variables: ["DATABASE_URL?connection_limit"],
      shown: "12",
    });
    expect(sources["database.replicaPool.max"]).toMatchObject({ variables: ["DATABASE_READ_URL?connection_limit"] });
  });

  it("lowers a default minimum that is above the maximum", () => {
    const { database, sources } = loadScaleEnv({ DATABASE_URL: "postgresql://db/shop?connection_limit=3" });
    expect(database.url).toBe("postgresql://db/shop");
    expect(database.pool).toEqual({ max: 3, min: 3 });
    expect(sources["database.pool.min"]).toEqual({ is: "default", shown: "3" });
  });

  it("must agree with the pool variables and with itself", () => {
    const load = (): unknown =>
      loadScaleEnv({
        DATABASE_URL: "postgresql://db/shop?connection_limit=12",
        DB_POOL_MAX: "20",
        DATABASE_READ_URL: "postgres://r1/shop?connection_limit=5,postgres://r2/shop?connection_limit=6",
      });
    const lines = [
      "loadScaleEnv: 2 problems",
      'DB_POOL_MAX, DATABASE_URL?connection_limit: expected the same value in all of them, got "20" and "12"',
      'DATABASE_READ_URL?connection_limit: expected the same value in all of them, got "5" and "6"',
    ];
    expect(load).toThrow(new ConfigError(lines.join("\n  ")));
  });

  it("has the bounds of a pool", () => {
    expect(() => loadScaleEnv({ DATABASE_URL: "postgresql://db/shop?connection_limit=0" })).toThrow(
      'DATABASE_URL?connection_limit: expected an integer from 1 to 10000, got "0"',
    );
  });
});

describe("replicas", () => {
  it.each(["DATABASE_READ_REPLICAS", "DATABASE_READ_REPLICA_URL", "DATABASE_READ_URL"])(
    "are completed from the primary when %s contains host names",
    (variable) => {
      const DATABASE_URL = "postgresql://us%40er:p%2Fw@db:6432/shop?sslmode=require&connection_limit=9";
      expect(
        replicasOf({ DATABASE_URL, [variable]: "r1.example.com, r2:5433,[::1]:5434, postgres://r4/other," }),
      ).toEqual([
        "postgresql://us%40er:p%2Fw@r1.example.com:6432/shop?sslmode=require",
        "postgresql://us%40er:p%2Fw@r2:5433/shop?sslmode=require",
        "postgresql://us%40er:p%2Fw@[::1]:5434/shop?sslmode=require",
        "postgres://r4/other",
      ]);
    },
  );

  it("do not inherit the pool of the primary with its parameters", () => {
    const env = { DATABASE_URL: "postgresql://db/shop?connection_limit=9", DATABASE_READ_REPLICAS: "r1" };
    expect(loadScaleEnv(env).database.replicaPool.max).toBe(30);
  });

  it("do not inherit the socket of the primary", () => {
    const DATABASE_URL = "postgresql:///shop?host=/run/postgresql&port=5433&sslmode=disable";
    expect(loadScaleEnv({ DATABASE_URL }).database.url).toBe(DATABASE_URL);
    expect(replicasOf({ DATABASE_URL, DATABASE_READ_REPLICAS: "r1:5432" })).toEqual([
      "postgresql://r1:5432/shop?sslmode=disable",
    ]);
  });

  it("require a primary when they are host names", () => {
    expect(() => replicasOf({ DATABASE_READ_REPLICAS: "r1,postgres://r2/shop" })).toThrow(
      'DATABASE_READ_REPLICAS: expected URLs, or DATABASE_URL beside host names, got "***"',
    );
  });

  it("add no problem when the primary is invalid", () => {
    expect(() => replicasOf({ DATABASE_URL: "db", DATABASE_READ_REPLICAS: "r1" })).toThrow("loadScaleEnv: 1 problem\n");
  });

  it.each([",", "r1/shop", "app:pw@r1", "postgresql://...", "mysql://r1/shop", "r1 r2", "r1:port"])(
    "cannot be %j",
    (value) => {
      const env = { DATABASE_URL: "postgres://db/shop", DATABASE_READ_REPLICAS: value };
      expect(() => replicasOf(env)).toThrow("DATABASE_READ_REPLICAS: expected a list of host names and postgresql://");
    },
  );

  it.each([
    [undefined, undefined, false, false],
    [undefined, "postgres://r1/shop", true, true],
    ["true", undefined, true, false],
    ["true", "postgres://r1/shop", true, true],
    ["false", "postgres://r1/shop", false, false],
  ])("with the switch %s and %s: switched on is %s, used is %s", (USE_READ_REPLICAS, DATABASE_READ_URL, on, used) => {
    const { database, features } = loadScaleEnv({ USE_READ_REPLICAS, DATABASE_READ_URL });
    expect({ on: features.readReplicas, used: database.useReplicas }).toEqual({ on, used });
  });
});
