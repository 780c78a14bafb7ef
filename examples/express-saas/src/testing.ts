import { createDatabase } from "@scale/testkit";
import { inject } from "vitest";
import { type Example, type ExampleOptions, startExample } from "./index.js";

/** True when the machine has no Postgres: tests of the whole example are skipped. With CI=true the run fails earlier. */
export const withoutPostgres: boolean = inject("postgresUrl") === "";

/** Starts the example on a new database, without traffic by default. */
export async function startTestExample(database: string, options: ExampleOptions = {}): Promise<Example> {
  const databaseUrl = await createDatabase(inject("postgresUrl"), database);
  return startExample({ databaseUrl, traffic: false, ...options });
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

export interface TestClient {
  // oxlint-disable-next-line max-params -- headers are rarely passed
  (method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
}

/** Returns a client that sends requests as one tenant, and optionally as one of its users. */
export function asTenant(url: string, tenantId: string, userId = ""): TestClient {
  // oxlint-disable-next-line max-params -- headers are rarely passed
  return async (method, path, body, headers) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        "x-tenant-id": tenantId,
        "x-user-id": userId,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === "" ? {} : JSON.parse(text) };
  };
}
