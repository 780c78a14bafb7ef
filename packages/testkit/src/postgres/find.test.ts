import { afterEach, describe, expect, it, vi } from "vitest";
import { startPostgres } from "./cluster.js";
import { findPostgres } from "./find.js";

describe("findPostgres", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("throws for a PG_BIN without programs, rather than skip tests", () => {
    vi.stubEnv("PG_BIN", "/no/such/bin");
    expect(() => findPostgres()).toThrow("PG_BIN is /no/such/bin, which holds no postgres and initdb that run");
  });

  it.skipIf(!findPostgres("system"))("runs a system Postgres, named by PG_BIN", async () => {
    const { bin = "", version } = findPostgres("system") ?? {};
    vi.stubEnv("PG_BIN", bin);
    expect(findPostgres()).toEqual({ bin, version, source: "PG_BIN" });
    const cluster = await startPostgres({ replicas: 1 });
    expect(cluster.version).toBe(version);
    await cluster.stop();
  });
});
