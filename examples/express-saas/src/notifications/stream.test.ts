import { request } from "node:http";
import { waitUntil } from "@scale/testkit";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { Example } from "../index.js";
import { asTenant, startTestExample, withoutPostgres } from "../testing.js";

let example: Example;
beforeAll(async () => {
  if (!withoutPostgres) example = await startTestExample("saas_stream");
});
afterAll(() => example?.stop());

/** Opens the stream of a user. */
function stream(headers: Readonly<Record<string, string>>) {
  const seen = { status: 0, text: "", isEnded: false };
  const outgoing = request(`${example.url}/api/notifications/stream`, {
    agent: false,
    headers: { accept: "text/event-stream", ...headers },
  });
  outgoing.on("error", () => undefined);
  outgoing.once("response", (response) => {
    seen.status = response.statusCode ?? 0;
    response.setEncoding("utf8").on("data", (chunk: string) => (seen.text += chunk));
    response.on("error", () => undefined).once("close", () => (seen.isEnded = true));
  });
  outgoing.end();
  onTestFinished(() => void outgoing.destroy());
  return {
    seen,
    close: () => outgoing.destroy(),
    until: (text: string) => waitUntil(() => seen.text.includes(text), { what: text, timeoutMs: 10_000 }),
    lastEventId: () => [...seen.text.matchAll(/^id: (.+)$/gm)].at(-1)?.[1] ?? "",
  };
}

const as = (tenantId: string, userId: string): Record<string, string> => ({
  "x-tenant-id": tenantId,
  "x-user-id": userId,
});

describe.skipIf(withoutPostgres)("the stream of notifications", () => {
  it("tells the user of a submission, and the others of the tenant, about the results of its jobs", async () => {
    const [ann, ben, other] = [
      ...[stream(as("amber-labs", "ann")), stream(as("amber-labs", "ben")), stream(as("fjord-labs", "ann"))],
    ];
    for (const each of [ann, ben, other]) await each?.until("event: ready");
    const body = { name: "Zoe", email: "zoe@a.example" };
    expect((await asTenant(example.url, "amber-labs", "ann")("POST", "/contacts", body)).status).toBe(201);
    await ann?.until('"topic":"users.ann","data":{"kind":"email-sent"');
    for (const each of [ann, ben])
      await each?.until('"topic":"leaderboard","data":{"top":[{"userId":"ann","points":1}]}');
    expect(ben?.seen.text).not.toContain("email-sent");
    expect(other?.seen.text).not.toContain('"topic"');
  });

  it("goes on after the last event that its client has got", async () => {
    const user = as("amber-foods", "cleo");
    const first = stream(user);
    await first.until("event: ready");
    first.close();
    const body = { name: "Missed", email: "missed@a.example" };
    const client = asTenant(example.url, "amber-foods", "cleo");
    expect((await client("POST", "/contacts", body)).status).toBe(201);
    const second = stream({ ...user, "last-event-id": first.lastEventId() });
    await second.until("email-sent");
    expect(second.seen.text).toContain('{"start":"resumed"}');
    expect(second.seen.text).not.toContain("event: reset");
  });

  it("works for a user whose id is longer than the name of a topic", async () => {
    const user = as("amber-motors", "x".repeat(600));
    const { until } = stream(user);
    await until("event: ready");
    const body = { name: "Long", email: "long@a.example" };
    const client = asTenant(example.url, "amber-motors", "x".repeat(600));
    expect((await client("POST", "/contacts", body)).status).toBe(201);
    await until('"topic":"notifications","data":{"kind":"email-sent"');
  });

  it("needs a tenant, and has as many connections as the plan says", async () => {
    const nobody = stream({});
    await waitUntil(() => nobody.seen.status === 400, { what: "a refusal" });
    // Free: two of a user.
    const own = [stream(as("delta-works", "ann")), stream(as("delta-works", "ann"))];
    for (const each of own) await each.until("event: ready");
    const third = stream(as("delta-works", "ann"));
    await waitUntil(() => third.seen.status === 429, { what: "the limit of a user" });
    own[0]?.close();
    await waitUntil(
      async () => {
        const again = stream(as("delta-works", "ann"));
        await waitUntil(() => again.seen.status !== 0, { what: "an answer" });
        return again.seen.status === 200;
      },
      { what: "the place that was given back" },
    );
  });

  it("ends with the process, and does not hold it up", async () => {
    const last = await startTestExample("saas_stream_end");
    const { status, body } = await fetch(`${last.url}/api/notifications/stream`, {
      headers: { accept: "text/event-stream", ...as("amber-labs", "ann") },
    });
    expect(status).toBe(200);
    const startedAt = performance.now();
    const text = new Response(body).text();
    await last.stop();
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect((await text).match(/^retry: \d+$/gm)).toHaveLength(2);
  });
});
