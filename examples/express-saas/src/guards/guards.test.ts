import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Example } from "../index.js";
import { startTestExample, withoutPostgres } from "../testing.js";

/** Sends one request from an address of loopback. @returns its status */
async function statusFrom(
  url: string,
  { address = "127.0.0.1", headers }: { readonly address?: string; readonly headers: Readonly<Record<string, string>> },
): Promise<number> {
  const request = httpRequest(url, { localAddress: address, agent: false, headers });
  request.end();
  const [response] = await once(request, "response");
  response.resume();
  return response.statusCode;
}

describe.skipIf(withoutPostgres)("the guards before the tenant", () => {
  let example: Example;
  beforeAll(async () => {
    example = await startTestExample("saas_guards", { hosts: ["crm.example"] });
  });
  afterAll(() => example?.stop());

  it.each(["localhost", "127.0.0.1:3000", "LOCALHOST:80", "[::1]:3000", "crm.example"])(
    "serve the host %s",
    async (host) => {
      expect(await statusFrom(`${example.url}/livez`, { headers: { host } })).toBe(200);
    },
  );

  it.each([
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.nip.io",
    "localhost@evil.example",
    "localhost.",
    "a:b",
  ])("refuse the host %s on every route", async (host) => {
    const headers = { host, "x-tenant-id": "amber-labs", authorization: `Bearer ${example.adminToken}` };
    for (const path of ["/", "/scale", "/scale/data", "/contacts", "/livez", "/api/admin/database"]) {
      expect(await statusFrom(example.url + path, { headers })).toBe(421);
    }
  });

  // Whole addresses of 127.0.0.0/8 are those of this machine on Linux only.
  it.skipIf(process.platform !== "linux")(
    "look up no tenant of an address that has made up too many, and serve other addresses",
    async () => {
      const madeUp = async (n: number): Promise<number> =>
        statusFrom(`${example.url}/tasks`, { address: "127.0.0.66", headers: { "x-tenant-id": `made-up-${n}` } });
      const statuses: number[] = [];
      for (let n = 0; n < 800; n += 50) {
        statuses.push(...(await Promise.all(Array.from({ length: 50 }, (_, i) => madeUp(n + i)))));
      }
      const refused = statuses.filter((status) => status === 429).length;
      // 600 a minute, and the units of the time that the run takes.
      expect(refused).toBeGreaterThan(50);
      expect(new Set(statuses)).toEqual(new Set([403, 429]));
      const headers = { "x-tenant-id": "amber-labs" };
      expect(await statusFrom(`${example.url}/tasks`, { address: "127.0.0.66", headers })).toBe(429);
      expect(await statusFrom(`${example.url}/tasks`, { address: "127.0.0.67", headers })).toBe(200);
    },
  );
});
