import { isDeepStrictEqual } from "node:util";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { waitUntil } from "@scale/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Example } from "./index.js";
import { asTenant, startTestExample, withoutPostgres } from "./testing.js";

describe.skipIf(withoutPostgres)("the app", () => {
  let example: Example;
  beforeAll(async () => {
    example = await startTestExample("saas_app");
  });
  afterAll(() => example?.stop());

  it.each(["nobody", "*", "' or 1=1 --", "__proto__", "amber-labs, fjord-labs", "\u00e9", "%00", "../x"])(
    "refuses the unknown tenant %j",
    async (tenantId) => {
      const { status, body } = await asTenant(example.url, tenantId)("GET", "/contacts");
      expect(status).toBe(403);
      expect(body).toMatchObject({ status: 403, code: "SCALE_PLAN" });
    },
  );

  it.each([
    ["no header", {}],
    ["an empty header", { "x-tenant-id": "" }],
    ["a tenant that is too long", { "x-tenant-id": "x".repeat(1025) }],
    ["a user that is too long", { "x-tenant-id": "amber-labs", "x-user-id": "x".repeat(1025) }],
  ])("refuses a request with %s as its tenant", async (_, headers) => {
    const response = await fetch(`${example.url}/contacts`, { headers });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ status: 400, code: "SCALE_TENANT" });
  });

  it("refuses two tenants in one request", async () => {
    const request = httpRequest(`${example.url}/contacts`, {
      headers: { "x-tenant-id": ["amber-labs", "fjord-labs"] },
    });
    request.end();
    const [response] = await once(request, "response");
    response.resume();
    expect(response.statusCode).toBe(403);
  });

  it("answers unknown routes and invalid bodies with a problem document", async () => {
    const amber = asTenant(example.url, "amber-labs");
    expect(await amber("GET", "/nothing")).toMatchObject({ status: 404, body: { detail: "there is no /nothing" } });
    expect(await amber("GET", "/contacts/%ff")).toMatchObject({ status: 400, body: { title: "Bad Request" } });
    const large = await amber("POST", "/contacts", { name: "x".repeat(200_000) });
    expect(large).toMatchObject({ status: 413, body: { title: "Payload Too Large" } });
  });

  it("sends the limits in headers, and denies requests above them with 429", async () => {
    const free = asTenant(example.url, "delta-labs");
    const answers = await Promise.all(Array.from({ length: 20 }, () => free("GET", "/contacts?limit=1")));
    const admitted = answers.filter(({ status }) => status === 200);
    // A burst of six, and three more for each second that the machine takes.
    expect(admitted.length).toBeGreaterThanOrEqual(6);
    expect(admitted[0]?.headers.get("ratelimit-policy")).toBe('"tenant";q=500;w=900, "tenant-second";q=6;w=2');
    const denied = answers.find(({ status }) => status === 429);
    expect(denied?.headers.get("retry-after")).toBe("1");
    expect(denied?.headers.get("ratelimit")).toContain('"tenant-second";r=0;t=1');
    expect(denied?.headers.get("content-type")).toBe("application/problem+json");
    expect(denied?.body).toMatchObject({
      status: 429,
      code: "SCALE_RATE_LIMITED",
      "violated-policies": ["tenant-second"],
    });
    expect((await asTenant(example.url, "ember-labs")("GET", "/contacts?limit=1")).status).toBe(200);
  });

  it("requires no tenant for the health check and the live page, and a token for the page and the metrics", async () => {
    for (const path of ["/livez", "/readyz", "/api/health", "/api/health/database", "/api/health/cache"]) {
      const read = async (): Promise<unknown> => (await fetch(`${example.url}${path}`)).json();
      // A busy machine may be late with a check once: `warn`, and `pass` after the next.
      await waitUntil(async () => isDeepStrictEqual(await read(), { status: "pass" }), {
        what: path,
        timeoutMs: 10_000,
      });
    }
    const headers = { authorization: `Bearer ${example.adminToken}` };
    const details = (await (await fetch(`${example.url}/api/health`, { headers })).json()) as { checks: object };
    expect(Object.keys(details.checks)).toEqual(["database", "cache", "redis", "breaker:rates"]);
    const page = await fetch(`${example.url}/`, { headers });
    expect([page.url, page.status]).toEqual([`${example.url}/scale`, 200]);
    for (const path of ["/scale", "/scale/data", "/scale/events", "/api/metrics"]) {
      expect((await fetch(example.url + path)).status).toBe(403);
    }
  });
});
