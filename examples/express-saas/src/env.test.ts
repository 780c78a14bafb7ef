import { describe, expect, it } from "vitest";
import { readEnv } from "./env.js";

describe("readEnv", () => {
  it("needs no variable", () => {
    expect(readEnv({})).toEqual({ port: 3000 });
    expect(readEnv({ PORT: "", SCALE_TRAFFIC: "", DATABASE_URL: "", REDIS_URL: "" })).toEqual({ port: 3000 });
  });

  it("reads all of them", () => {
    const urls = { DATABASE_URL: "postgresql://localhost/crm", REDIS_URL: "redis://localhost:6379" };
    expect(readEnv({ PORT: "0", SCALE_TRAFFIC: "300", ...urls })).toEqual({
      databaseUrl: urls.DATABASE_URL,
      redisUrl: urls.REDIS_URL,
      port: 0,
      traffic: { requestsPerSecond: 300 },
    });
    expect(readEnv({ SCALE_TRAFFIC: "off" }).traffic).toBe(false);
    expect(readEnv({ SCALE_TRAFFIC: "on" }).traffic).toBeUndefined();
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
  ])("refuses %s=%s by name", (name, value) => {
    expect(() => readEnv({ [name]: value })).toThrow(name);
  });
});
