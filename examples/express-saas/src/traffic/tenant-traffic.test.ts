import { describe, expect, it } from "vitest";
import { createTenantTraffic, type TenantTraffic } from "./tenant-traffic.js";

const pageInfo = { hasNextPage: true, endCursor: "a+b" };
const contactList = { status: 200, body: { items: [{ id: 7 }, { id: 6 }], pageInfo } };

describe("createTenantTraffic", () => {
  it("starts with the list of contacts, as a user of the tenant", () => {
    const call = createTenantTraffic("acme", () => 0.9).next();
    expect(call).toEqual({
      method: "GET",
      path: "/contacts",
      headers: { "x-tenant-id": "acme", "x-user-id": "elif" },
    });
  });

  it("adds a task, completes it and deletes it before it adds another", () => {
    const rolls: number[] = [];
    const tenant = createTenantTraffic("acme", () => rolls.shift() ?? 0.9);
    const call = answering(tenant);
    call(contactList);
    expect(call({ status: 429, body: {} })).toBe("POST /tasks");
    expect(call({ status: 201, body: { id: 12 } })).toBe("POST /tasks");
    // The first number selects the task action, the second completes the task.
    rolls.push(0.9, 0.4);
    expect(call({ status: 200, body: {} })).toBe("PATCH /tasks/12");
    expect(call({ status: 429, body: {} })).toBe("DELETE /tasks/12");
    expect(call({ status: 204, body: undefined })).toBe("DELETE /tasks/12");
    expect(call({ status: 429, body: {} })).toBe("POST /tasks");
  });

  it("adds contacts until it has eight, and retries after a refusal", () => {
    const tenant = createTenantTraffic("acme", () => 0.76);
    const call = answering(tenant);
    call(contactList);
    for (let id = 1; id <= 4; id++) expect(call({ status: 201, body: { id } })).toBe("POST /contacts");
    expect(call({ status: 402, body: {} })).toBe("POST /contacts");
    for (let id = 5; id <= 8; id++) expect(call({ status: 201, body: { id } })).toBe("POST /contacts");
    expect(call({ status: 204, body: undefined })).toBe("DELETE /contacts/1");
    expect(call({ status: 201, body: { id: 9 } })).toBe("POST /contacts");
  });

  it("sends each e-mail with a new idempotency key, and at most a hundred", () => {
    const tenant = createTenantTraffic("acme", () => 0.73);
    answering(tenant)(contactList);
    const keys = new Set<unknown>();
    for (let n = 0; n < 100; n++) {
      const call = tenant.next();
      expect(call).toMatchObject({ method: "POST", path: "/contacts/7/email" });
      keys.add(call.headers["idempotency-key"]);
      tenant.observe(call, { status: 202, body: { id: n } });
    }
    expect(keys.size).toBe(100);
    expect(tenant.next()).toMatchObject({ method: "GET", path: "/contacts/7" });
  });

  it("sends the session token with the next ten requests", () => {
    const tenant = createTenantTraffic("acme", () => 0.9);
    tenant.observe(tenant.next(), contactList);
    tenant.observe(tenant.next(), { status: 429, body: {}, token: "v1.written" });
    const brought = Array.from({ length: 12 }, () => tenant.next().headers["x-db-token"]);
    expect(brought).toEqual([...Array.from({ length: 10 }, () => "v1.written"), undefined, undefined]);
  });

  it.each([
    [0.3, "/contacts?limit=20"],
    [0.35, "/contacts?limit=20&after=a%2Bb"],
    [0.42, "/api/dashboard"],
    [0.6, "/contacts/7"],
    [0.7, "/contacts/search?q=chloe"],
    [0.715, "/contacts/export"],
    [0.87, "/api/rates"],
  ])("reads most of the time: %d", (roll, path) => {
    const rolls = [roll];
    const tenant = createTenantTraffic("acme", () => rolls.shift() ?? (roll === 0.3 ? 0 : 0.9));
    tenant.observe({ method: "GET", path: "/contacts", headers: {} }, contactList);
    expect(tenant.next()).toMatchObject({ method: "GET", path });
  });
});

/** Answers the next call. @returns its method and path */
function answering(tenant: TenantTraffic) {
  return (answer: { status: number; body: unknown }): string => {
    const next = tenant.next();
    tenant.observe(next, answer);
    return `${next.method} ${next.path}`;
  };
}
