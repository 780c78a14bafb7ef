import { describe, expect, it } from "vitest";
import { createTenantTraffic } from "./tenant.js";

const contactList = { status: 200, body: { items: [{ id: 7 }, { id: 6 }], next: null } };

describe("createTenantTraffic", () => {
  it("first looks for a contact, and asks as a user of its tenant", () => {
    const call = createTenantTraffic("acme", () => 0.9).next();
    expect(call).toEqual({
      method: "GET",
      path: "/contacts",
      headers: { "x-tenant-id": "acme", "x-user-id": "elif" },
    });
  });

  it("adds a task, finishes it and deletes it before it adds another", () => {
    let roll = 0.9;
    const tenant = createTenantTraffic("acme", () => roll);
    const call = (answer: { status: number; body: unknown }) => {
      const next = tenant.next();
      tenant.learn(next, answer);
      return `${next.method} ${next.path}`;
    };
    call(contactList);
    expect(call({ status: 429, body: {} })).toBe("POST /tasks");
    expect(call({ status: 201, body: { id: 12 } })).toBe("POST /tasks");
    roll = 0.8;
    expect(call({ status: 200, body: {} })).toBe("PATCH /tasks/12");
    roll = 0.9;
    expect(call({ status: 429, body: {} })).toBe("DELETE /tasks/12");
    expect(call({ status: 204, body: undefined })).toBe("DELETE /tasks/12");
    expect(call({ status: 429, body: {} })).toBe("POST /tasks");
  });

  it("reads most of the time", () => {
    const tenant = createTenantTraffic("acme", () => 0.6);
    tenant.learn({ method: "GET", path: "/contacts", headers: {} }, contactList);
    expect(tenant.next()).toMatchObject({ method: "GET", path: "/contacts/7" });
  });
});
