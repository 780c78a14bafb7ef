import { waitUntil } from "@scale/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Example } from "../index.js";
import { asTenant, startTestExample, withoutPostgres } from "../testing.js";

describe.skipIf(withoutPostgres)("exchange rates", () => {
  let example: Example;
  beforeAll(async () => {
    example = await startTestExample("saas_rates");
  });
  afterAll(() => example?.stop());

  const admin = (method: string, path: string, token = example.adminToken) =>
    asTenant(example.url, "amber-labs")(method, path, undefined, { authorization: `Bearer ${token}` });
  const read = async () => (await asTenant(example.url, "amber-labs")("GET", "/api/rates")).body;
  const circuit = async () => {
    const { circuits } = (await admin("GET", "/api/degradation/circuits")).body as { circuits: { state: string }[] };
    return circuits[0]?.state;
  };

  it("are the last known ones while their service is stuck, and live again soon after it answers", async () => {
    const live = await read();
    expect(live).toMatchObject({ source: "live", rates: { USD: 1.08 } });
    await admin("POST", "/api/degradation/rates/stop");
    const during = await Promise.all(Array.from({ length: 30 }, read));
    expect(during).toEqual(during.map(() => ({ ...live, source: "last-known" })));
    expect(await circuit()).toBe("open");
    await admin("POST", "/api/degradation/rates/start");
    await waitUntil(async () => (await read())["source"] === "live", { what: "live rates", timeoutMs: 10_000 });
  });

  it("are kept from their service while an operator holds the breaker open", async () => {
    await read();
    const set = (mode: string) =>
      asTenant(example.url, "amber-labs")("PUT", "/api/degradation/circuits/rates", { mode, by: "ann" }, bearer);
    const bearer = { authorization: `Bearer ${example.adminToken}` };
    expect(await set("forced-open")).toMatchObject({ status: 200, body: { state: "open", mode: "forced-open" } });
    expect(await read()).toMatchObject({ source: "last-known" });
    expect((await admin("GET", "/api/degradation/health")).body).toMatchObject({
      ...{ status: "degraded", breakers: { total: 1, open: 1 }, flags: { killed: [] } },
      shed: { level: "normal" },
    });
    expect(await set("auto")).toMatchObject({ status: 200 });
    expect(await read()).toMatchObject({ source: "live" });
  });

  it("are controlled by callers with the admin token only", async () => {
    expect((await admin("GET", "/api/degradation/circuits", "wrong")).status).toBe(403);
    expect((await admin("POST", "/api/degradation/rates/stop", "")).status).toBe(403);
    expect(await read()).toMatchObject({ source: "live" });
  });
});
