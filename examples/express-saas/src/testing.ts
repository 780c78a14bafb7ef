import { createDatabase } from "@scale/testkit";
import { inject } from "vitest";
import { type Example, type ExampleOptions, startExample } from "./index.js";
import type { LiveData } from "./live/live-data.js";

/** Why tests of the whole example cannot run here; `false` when they can. With CI=true the run has failed before. */
export const withoutPostgres: boolean = inject("postgresUrl") === "";

/** The example on a database of its own, without traffic unless asked for. */
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
  // oxlint-disable-next-line max-params -- the fourth is rare
  (method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
}

/** Asks as one tenant, and as one of its users where there is one. */
export function asTenant(url: string, tenantId: string, userId = ""): TestClient {
  // oxlint-disable-next-line max-params -- the fourth is rare
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

/** What the page would show now. */
export async function liveData(url: string): Promise<LiveData> {
  const response = await fetch(`${url}/scale/data`);
  return (await response.json()) as LiveData;
}
