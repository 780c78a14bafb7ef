import { describe, expect, it } from "vitest";
import { readEnv } from "./env.js";

describe("readEnv", () => {
  it("requires no variable", () => {
    expect(readEnv({})).toEqual({ port: 3000 });
    expect(readEnv({ PORT: "", SCALE_TRAFFIC: "", DATABASE_URL: "", REDIS_URL: "" })).toEqual({ port: 3000 });
  });

  it("reads all variables", () => {
    const urls = { DATABASE_URL: "postgresql://localhost/crm", REDIS_URL: "redis://localhost:6379" };
    const pools = { primary: { max: 20, min: 5 }, replica: { max: 30, min: 10 } };
    expect(readEnv({ PORT: "0", SCALE_TRAFFIC: "300", ...urls })).toEqual({
      ...{ databaseUrl: urls.DATABASE_URL, redisUrl: urls.REDIS_URL, pools },
      port: 0,
      traffic: { requestsPerSecond: 300 },
    });
    expect(readEnv({ SCALE_TRAFFIC: "off" }).traffic).toBe(false);
    expect(readEnv({ SCALE_TRAFFIC: "on" }).traffic).toBeUndefined();
  });

  it("reads replicas and pools by all their variable names", () => {
    const DATABASE_URL = "postgresql://app@db/crm?connection_limit=12";
    const replicas = { DATABASE_READ_REPLICAS: "r1,r2", DB_REPLICA_POOL_MAX: "7", SCALE_SECRET: "s".repeat(32) };
    expect(readEnv({ DATABASE_URL, ...replicas })).toMatchObject({
      databaseUrl: "postgresql://app@db/crm",
      replicaUrls: ["postgresql://app@r1/crm", "postgresql://app@r2/crm"],
      pools: { primary: { max: 12, min: 5 }, replica: { max: 7, min: 7 } },
      secret: replicas.SCALE_SECRET,
    });
    expect(readEnv({ DATABASE_URL, ...replicas, USE_READ_REPLICAS: "false" }).replicaUrls).toBeUndefined();
    expect(() => readEnv({ DATABASE_READ_URL: "postgresql://r1/crm" })).toThrow(
      "DATABASE_URL: expected the URL of the primary",
    );
  });

  it.each([
    ["PORT", "65536"],
    ["PORT", "-1"],
    ["PORT", "http"],
    ["PORT", "0x50"],
    ["SCALE_TRAFFIC", "0"],
    ["SCALE_TRAFFIC", "5001"],
    ["SCALE_TRAFFIC", "some"],
    ["DATABASE_URL", "mysql://localhost"],
    ["REDIS_URL", "localhost"],
    ["SCALE_SECRET", "too short"],
  ])("refuses %s=%s by name", (name, value) => {
    expect(() => readEnv({ [name]: value })).toThrow(name);
  });
});
