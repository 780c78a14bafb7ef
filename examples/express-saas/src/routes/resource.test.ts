import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Example } from "../index.js";
import { type Answer, asTenant, startTestExample, type TestClient, withoutPostgres } from "../testing.js";

const bodies = {
  contacts: { name: "Ada", email: "ada@acme.example" },
  deals: { contactId: 0, title: "Renewal", stage: "open", amountCents: 100 },
  invoices: { dealId: 0, status: "draft", amountCents: 100, dueOn: "2026-02-03" },
  tasks: { contactId: 0, title: "Call", dueOn: "2026-02-03" },
} as const;
const changes = {
  contacts: { company: "Initech" },
  deals: { stage: "won" },
  invoices: { status: "paid" },
  tasks: { done: true },
} as const;
type ResourceName = keyof typeof bodies;

let example: Example;
beforeAll(async () => {
  if (!withoutPostgres) example = await startTestExample("saas_resource");
});
afterAll(() => example?.stop());

const items = ({ body }: Answer): Record<string, unknown>[] => body["items"] as Record<string, unknown>[];
interface PageInfo {
  readonly hasNextPage: boolean;
  readonly startCursor: string;
  readonly endCursor: string;
}
const pageInfo = ({ body }: Answer): PageInfo => body["pageInfo"] as PageInfo;
const firstId = async (client: TestClient, resource: string): Promise<unknown> =>
  items(await client("GET", `/${resource}?limit=1`))[0]?.["id"];

/** A body that is right, with a reference to a row of the tenant. */
async function bodyFor(client: TestClient, resource: ResourceName): Promise<object> {
  const body = bodies[resource];
  if ("contactId" in body) return { ...body, contactId: await firstId(client, "contacts") };
  return "dealId" in body ? { ...body, dealId: await firstId(client, "deals") } : body;
}

// Each part uses its own tenant on the enterprise plan, so that no test reaches a limit.
describe.skipIf(withoutPostgres).each([
  ["contacts", "labs"],
  ["deals", "foods"],
  ["invoices", "motors"],
  ["tasks", "studio"],
] as const)("/%s", (resource, second) => {
  let amber: TestClient;
  let fjord: TestClient;
  beforeAll(() => {
    amber = asTenant(example.url, `amber-${second}`);
    fjord = asTenant(example.url, `fjord-${second}`);
  });

  it("creates, reads, changes and deletes a row", async () => {
    const body = await bodyFor(amber, resource);
    const created = await amber("POST", `/${resource}`, body);
    expect(created).toMatchObject({ status: 201, body: { ...body, tenantId: `amber-${second}` } });
    const path = `/${resource}/${String(created.body["id"])}`;
    expect(await amber("GET", path)).toMatchObject({ status: 200, body: created.body });
    const changed = { ...created.body, ...changes[resource] };
    expect(await amber("PATCH", path, changes[resource])).toMatchObject({ status: 200, body: changed });
    expect(await amber("DELETE", path)).toMatchObject({ status: 204, body: {} });
    expect(await amber("GET", path)).toMatchObject({ status: 404, body: { title: "Not Found" } });
  });

  it("lists 50 rows, newest first, and the other pages forward and backward", async () => {
    const first = await amber("GET", `/${resource}`);
    const ids = items(first).map(({ id }) => Number(id));
    expect(ids).toHaveLength(resource === "invoices" ? 25 : 50);
    expect(ids).toEqual(ids.toSorted((a, b) => b - a));
    const begun = await amber("GET", `/${resource}?limit=10`);
    const page = await amber("GET", `/${resource}?limit=3&after=${pageInfo(begun).endCursor}`);
    expect(items(page).map(({ id }) => id)).toEqual(ids.slice(10, 13));
    const back = await amber("GET", `/${resource}?last=4&before=${pageInfo(page).startCursor}`);
    expect(items(back).map(({ id }) => id)).toEqual(ids.slice(6, 10));
    const last = await amber("GET", `/${resource}?limit=100&after=${pageInfo(first).endCursor}`);
    expect(items(last).every(({ id }) => Number(id) < Number(ids.at(-1)))).toBe(true);
    expect(pageInfo(last)).toMatchObject({ hasNextPage: false });
    // More than exist, and more than the page size of the plan.
    const all = await amber("GET", `/${resource}?limit=1000000`);
    expect(items(all)).toHaveLength(items(first).length + items(last).length);
  });

  it("answers 404 for rows of another tenant", async () => {
    const id = await firstId(fjord, resource);
    const path = `/${resource}/${String(id)}`;
    const before = (await fjord("GET", path)).body;
    const missing = await amber("GET", `/${resource}/999999999`);
    expect(missing.status).toBe(404);
    for (const [method, body] of [["GET"], ["PATCH", changes[resource]], ["DELETE"]] as const) {
      const { status, body: problem } = await amber(method, path, body);
      expect({ status, problem }).toEqual({ status: 404, problem: missing.body });
    }
    expect((await fjord("GET", path)).body).toEqual(before);
    const [theirs, ours] = [await fjord("GET", `/${resource}?limit=1`), await amber("GET", `/${resource}?limit=1`)];
    const foreign = await amber("GET", `/${resource}?after=${pageInfo(theirs).endCursor}`);
    expect(foreign).toMatchObject({ status: 400, body: { code: "SCALE_CURSOR" } });
    const listed = items(await amber("GET", `/${resource}?limit=100&after=${pageInfo(ours).endCursor}`));
    expect(new Set(listed.map(({ tenantId }) => tenantId))).toEqual(new Set([`amber-${second}`]));
  });

  it.each([
    ["no body", undefined],
    ["an unknown field", { surprise: 1 }],
    ["another tenant", { tenantId: `fjord-${second}` }],
    ["an id", { id: 1 }],
    ["broken JSON", '{"name":'],
    ["a list", []],
  ])("refuses %s", async (_, wrong) => {
    const body = await bodyFor(amber, resource);
    const input = typeof wrong === "object" && !Array.isArray(wrong) ? { ...body, ...wrong } : wrong;
    const { status, headers, body: problem } = await amber("POST", `/${resource}`, input);
    expect(status).toBe(400);
    expect(headers.get("content-type")).toContain("application/problem+json");
    expect(problem).toMatchObject({ status: 400, title: "Bad Request" });
  });

  it.each(["?limit=0", "?limit=x", "?after=-1", "?limit=1&limit=2", "?order=name", "?page=2", "/x", "/0", "/1e3"])(
    "refuses %s",
    async (query) => {
      expect((await amber("GET", `/${resource}${query}`)).status).toBe(400);
    },
  );

  it("refuses an empty change, and a change of the tenant", async () => {
    const path = `/${resource}/${String(await firstId(amber, resource))}`;
    expect((await amber("PATCH", path, {})).status).toBe(400);
    expect((await amber("PATCH", path, { tenantId: `fjord-${second}` })).status).toBe(400);
  });
});

describe.skipIf(withoutPostgres)("a list", () => {
  it("is limited to the page size of the plan", async () => {
    const rowsOf = async (tenantId: string): Promise<number> =>
      items(await asTenant(example.url, tenantId)("GET", "/contacts?limit=70")).length;
    expect(await rowsOf("delta-studio")).toBe(50);
    expect(await rowsOf("cedar-studio")).toBe(70);
  });
});

describe.skipIf(withoutPostgres)("a cursor", () => {
  it("is refused by other lists and other tenants", async () => {
    const amber = asTenant(example.url, "amber-studio");
    const { body } = await amber("GET", "/contacts?limit=10");
    const { endCursor } = body["pageInfo"] as { endCursor: string };
    const read = async (client: TestClient, list: string) => client("GET", `/${list}?limit=10&after=${endCursor}`);
    expect((await read(amber, "contacts")).status).toBe(200);
    const refused = { status: 400, body: { code: "SCALE_CURSOR" } };
    for (const list of ["deals", "invoices", "tasks"]) expect(await read(amber, list)).toMatchObject(refused);
    expect(await read(asTenant(example.url, "fjord-studio"), "contacts")).toMatchObject(refused);
  });
});

describe.skipIf(withoutPostgres)("client input", () => {
  let amber: TestClient;
  let fjord: TestClient;
  beforeAll(() => {
    amber = asTenant(example.url, "amber-works");
    fjord = asTenant(example.url, "fjord-works");
  });

  it("is refused with every invalid field named", async () => {
    const { body } = await amber("POST", "/contacts", { name: " ", email: "ada", company: "a\u0000b" });
    expect(body["code"]).toBe("SCALE_INPUT");
    for (const field of ["name", "email", "company"]) expect(body["detail"]).toContain(`${field}: `);
  });

  it.each([
    ["deals", { contactId: 2 ** 53 }],
    ["deals", { amountCents: 0.5 }],
    ["deals", { amountCents: "100" }],
    ["invoices", { dueOn: "2026-02-30" }],
    ["invoices", { dueOn: "0000-01-01" }],
    ["tasks", { title: "x".repeat(201) }],
    ["tasks", { title: "\u0000" }],
    ["tasks", { done: "yes" }],
  ] as const)("refuses %s with %o", async (resource, wrong) => {
    const { status } = await amber("POST", `/${resource}`, { ...(await bodyFor(amber, resource)), ...wrong });
    expect(status).toBe(400);
  });

  it.each([
    ["deals", "contactId", "contacts"],
    ["invoices", "dealId", "deals"],
    ["tasks", "contactId", "contacts"],
  ] as const)(
    "refuses a reference from %s to a row of another tenant like one to a missing row",
    async (resource, field, to) => {
      const body = await bodyFor(amber, resource);
      const path = `/${resource}/${String(await firstId(amber, resource))}`;
      const missing = await amber("POST", `/${resource}`, { ...body, [field]: 999_999_999 });
      expect(missing).toMatchObject({ status: 400, body: { detail: `there is no such row in ${to}` } });
      const theirs = { [field]: await firstId(fjord, to) };
      expect((await amber("POST", `/${resource}`, { ...body, ...theirs })).body).toEqual(missing.body);
      expect((await amber("PATCH", path, theirs)).body).toEqual(missing.body);
    },
  );
});
