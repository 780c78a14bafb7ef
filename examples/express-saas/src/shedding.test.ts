import { waitUntil } from "@scale/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Example } from "./index.js";
import { sendBurst } from "./traffic/burst.js";
import { asTenant, startTestExample, withoutPostgres } from "./testing.js";

describe.skipIf(withoutPostgres)("load shedding", () => {
  let example: Example;
  beforeAll(async () => {
    example = await startTestExample("saas_shedding");
  });
  afterAll(() => example?.stop());

  const post = (path: string, token = example.adminToken): Promise<{ status: number }> =>
    asTenant(example.url, "")("POST", `/api/degradation${path}`, undefined, { authorization: `Bearer ${token}` });
  const shedOf = async () => example.facts().resilience.shed;

  it("refuses the excess of a tenant that sends a burst, and serves the others, probes and the page meanwhile", async () => {
    const quiet = asTenant(example.url, "fjord-labs");
    // Compiles code, and looks the plan up.
    expect((await quiet("GET", "/contacts?limit=1")).status).toBe(200);
    expect((await post("/burst")).status).toBe(202);
    const during: number[] = [];
    let shed = await shedOf();
    for (; shed.refused.total === 0; shed = await shedOf()) {
      during.push((await quiet("GET", "/contacts?limit=1")).status, (await fetch(`${example.url}/livez`)).status);
    }
    expect(during.filter((status) => status !== 200)).toEqual([]);
    expect(shed).toMatchObject({ level: "shedding", tenants: [{ tenantId: "amber-labs" }] });
    const isOver = async (): Promise<boolean> => {
      const { level, inFlight } = await shedOf();
      return level === "normal" && inFlight === 0;
    };
    await waitUntil(isOver, { what: "the end of the burst", timeoutMs: 20_000 });
    const { highestInFlight, limit, tenants } = await shedOf();
    expect(highestInFlight).toBeGreaterThanOrEqual(Math.min(16, limit));
    expect(tenants.map(({ tenantId }) => tenantId)).toEqual(["amber-labs"]);
  });

  it("replies with a problem that says why", async () => {
    const answers = await sendBurst(example.url);
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.body).toMatchObject({
      code: "SCALE_OVERLOAD",
      type: "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
    });
  });

  it("starts bursts for callers with the admin token only", async () => {
    expect((await post("/burst", "wrong")).status).toBe(403);
  });
});
