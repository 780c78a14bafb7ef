import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Example } from "./index.js";
import { asTenant, startTestExample, withoutPostgres } from "./testing.js";

describe.skipIf(withoutPostgres)("the flags", () => {
  let example: Example;
  beforeAll(async () => {
    example = await startTestExample("saas_flags");
  });
  afterAll(() => example?.stop());

  async function admin(method: string, path: string, body?: unknown) {
    const response = await fetch(`${example.url}/api/degradation/flags${path}`, {
      method,
      headers: { authorization: `Bearer ${example.adminToken}`, "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  }
  const exportAs = async (tenantId: string): Promise<number> => {
    const response = await fetch(`${example.url}/contacts/export`, { headers: { "x-tenant-id": tenantId } });
    await response.text();
    return response.status;
  };

  it("switch exports off for all tenants, and on again", async () => {
    expect(await exportAs("birch-labs")).toBe(200);
    expect(await admin("POST", "/exports/kill", { by: "ann", note: "incident 7" })).toMatchObject({ status: 200 });
    expect(await asTenant(example.url, "birch-labs")("GET", "/contacts/export")).toMatchObject({
      ...{ status: 503, body: { title: "Service Unavailable" } },
    });
    expect(await admin("GET", "/exports?tenantId=birch-labs")).toMatchObject({
      body: { value: false, reason: "KILLED" },
    });
    expect(await admin("GET", "")).toMatchObject({
      body: { changedBy: "ann", settings: { exports: { killed: true } } },
    });
    await admin("POST", "/exports/unkill", { by: "ann" });
    expect(await exportAs("grove-labs")).toBe(200);
  });

  it("go by the plan of a tenant", async () => {
    const settings = { rules: [{ plans: ["enterprise", "professional"], value: true }, { value: false }] };
    expect(await admin("PUT", "/exports", { settings, by: "ann" })).toMatchObject({ status: 200 });
    expect(await exportAs("amber-labs")).toBe(200);
    expect(await exportAs("ember-labs")).toBe(404);
    await admin("PUT", "/exports", { settings: {}, by: "ann" });
  });

  it("refuse wrong settings, unknown flags, and callers without the token", async () => {
    expect(await admin("PUT", "/exports", { settings: { rules: [{ percent: 200 }] }, by: "ann" })).toMatchObject({
      ...{ status: 400, body: { code: "SCALE_INPUT" } },
    });
    expect(await admin("POST", "/constructor/kill", { by: "ann" })).toMatchObject({ status: 404 });
    expect(await admin("GET", "/nope?tenantId=birch-labs")).toMatchObject({ status: 404 });
    expect(await admin("POST", "/exports/kill", {})).toMatchObject({ status: 400 });
    for (const path of ["", "/exports"]) {
      expect((await fetch(`${example.url}/api/degradation/flags${path}`)).status).toBe(403);
    }
  });
});
