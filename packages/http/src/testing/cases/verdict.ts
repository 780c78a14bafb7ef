import { StoreError } from "@scale/core";
import { expect, it } from "vitest";
import { problem } from "../../problem.js";
import type { HttpFacts, Verdict } from "../../types.js";
import { type AdapterFixture, guardHeaders, verdict } from "../fixture.js";

export function testPass(fixture: AdapterFixture): void {
  it("sets the headers of the guard on the handler's response, and runs the handler once", async () => {
    fixture.guard = async () => verdict;
    const { status, headers, text } = await fixture.get("/");
    expect(status).toBe(200);
    expect(headers).toMatchObject(guardHeaders);
    expect(headers["content-type"]).toMatch(/^application\/json/);
    expect(JSON.parse(text)).toEqual({ before: null, after: null });
    expect(fixture.routes.calls).toBe(1);
  });

  it("answers HEAD with the same headers and no body", async () => {
    fixture.guard = () => verdict;
    const { status, headers, text } = await fixture.get("/", { method: "HEAD" });
    expect({ status, text }).toEqual({ status: 200, text: "" });
    expect(headers).toMatchObject(guardHeaders);
  });

  it("leaves the request body to the handler", async () => {
    fixture.guard = async () => ({ tenant: { tenantId: "acme" } });
    const body = "grüße ".repeat(5_000);
    const { status, text } = await fixture.get("/echo", {
      method: "POST",
      body,
      headers: { "content-type": "text/plain" },
    });
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual({ before: { tenantId: "acme" }, after: { tenantId: "acme" }, body });
    expect(fixture.routes.calls).toBe(1);
  });

  it("sets the headers of the guard on a redirect", async () => {
    fixture.guard = () => verdict;
    const { status, headers } = await fixture.get("/redirect");
    expect(status).toBe(302);
    expect(headers).toMatchObject(guardHeaders);
    expect(new URL(headers.location ?? "", fixture.url("/")).pathname).toBe("/");
  });
}

export function testFacts(fixture: AdapterFixture): void {
  it("passes the facts of the request to the guard", async () => {
    const seen: HttpFacts[] = [];
    fixture.guard = (facts) => {
      seen.push(facts);
      return {};
    };
    await fixture.get("/?q=a%20b&r=%2F", {
      headers: { "X-Mixed": "value", "x-forwarded-for": ["6.6.6.6", "192.0.2.1"] },
    });
    const [facts] = seen;
    expect(facts).toMatchObject({ method: "GET", url: "/?q=a%20b&r=%2F" });
    expect(["127.0.0.1", "::1", "::ffff:127.0.0.1", undefined]).toContain(facts?.remoteAddress);
    expect(facts?.header("x-MIXED")).toBe("value");
    expect(facts?.header("x-absent")).toBeUndefined();
    expect(facts?.header("host")).toBe(new URL(fixture.url("/")).host);
    // All lines of a header: the line that a proxy appended is the last.
    expect(facts?.header("x-forwarded-for")).toBe("6.6.6.6, 192.0.2.1");
    expect(facts?.raw).toBeTypeOf("object");
  });
}

export function testDenial(fixture: AdapterFixture): void {
  const reply = problem({
    title: "Too Many Requests",
    status: 429,
    detail: "Wait – 30 s",
    code: "SCALE_TEST",
    headers: { "Retry-After": "30" },
    upgrade: { to: "pro" },
  });
  const bytes =
    '{"title":"Too Many Requests","status":429,"detail":"Wait – 30 s","code":"SCALE_TEST","upgrade":{"to":"pro"}}';

  it("answers a denial with the exact bytes of the problem, and runs no handler", async () => {
    fixture.guard = async () => ({ ...verdict, reply });
    for (const options of [{}, { method: "POST", body: "unread", headers: { "content-type": "text/plain" } }]) {
      const { status, headers, text } = await fixture.get(options.method === undefined ? "/" : "/echo", options);
      expect({ status, text }).toEqual({ status: 429, text: bytes });
      expect(headers).toMatchObject({ ...guardHeaders, "retry-after": "30", "cache-control": "no-store" });
      expect(headers["content-type"]).toBe("application/problem+json");
    }
    expect(fixture.routes.calls).toBe(0);
  });

  it("answers a denied HEAD without a body", async () => {
    fixture.guard = () => ({ ...verdict, reply });
    const { status, headers, text } = await fixture.get("/", { method: "HEAD" });
    expect({ status, text }).toEqual({ status: 429, text: "" });
    expect(headers).toMatchObject({ ...guardHeaders, "content-type": "application/problem+json" });
  });

  it("sends no body for a reply without one", async () => {
    fixture.guard = () => ({ reply: { status: 204, headers: { "X-Reply": "1" }, body: undefined } });
    const { status, headers, text } = await fixture.get("/");
    expect({ status, text }).toEqual({ status: 204, text: "" });
    expect(headers["x-reply"]).toBe("1");
    expect(headers["content-type"]).toBeUndefined();
  });
}

export function testGuardMistakes(fixture: AdapterFixture): void {
  it("blocks the request when the guard returns no verdict", async () => {
    for (const verdict of [false, true, undefined, null, "denied"]) {
      fixture.guard = () => verdict as never;
      expect((await fixture.get("/")).status).toBe(500);
      fixture.guard = async () => verdict as never;
      expect((await fixture.get("/")).status).toBe(500);
    }
    expect(fixture.routes.calls).toBe(0);
  });
}

const BAD_REQUEST =
  '{"title":"Bad Request","status":400,"detail":"page: expected a number, got x","code":"SCALE_INPUT"}';
const UNAVAILABLE =
  '{"title":"Service Unavailable","status":503,"detail":"This request cannot be answered at the moment.","code":"SCALE_STORE"}';

export function testErrors(fixture: AdapterFixture): void {
  it("answers an error of a handler with its problem and the headers of the guard", async () => {
    fixture.guard = async () => ({ ...verdict, tenant: { tenantId: "acme" } });
    for (const [path, status, text] of [
      ["/error/input", 400, BAD_REQUEST],
      ["/error/store", 503, UNAVAILABLE],
    ] as const) {
      const answer = await fixture.get(path);
      expect(answer).toMatchObject({ status, text, headers: guardHeaders });
      expect(answer.headers["content-type"]).toBe("application/problem+json");
      expect(answer.headers["cache-control"]).toBe("no-store");
      expect(answer.headers["retry-after"]).toBe(status === 503 ? "1" : undefined);
    }
    expect(fixture.routes.calls).toBe(2);
  });

  it("leaves every other error of a handler to the framework", async () => {
    expect((await fixture.get("/error/unknown")).status).toBe(500);
  });

  it("blocks the request when the guard throws, and serves the next one", async () => {
    fixture.guard = () => {
      throw new Error("broken");
    };
    expect((await fixture.get("/")).status).toBe(500);
    fixture.guard = () => Promise.reject(new Error("broken later"));
    expect((await fixture.get("/")).status).toBe(500);
    fixture.guard = () => Promise.reject(new StoreError("secret host"));
    expect(await fixture.get("/")).toMatchObject({ status: 503, text: UNAVAILABLE });
    expect(fixture.routes.calls).toBe(0);
    fixture.guard = () => ({});
    expect((await fixture.get("/")).status).toBe(200);
  });
}

export function testHeaderInjection(fixture: AdapterFixture): void {
  const split = { "x-echo": "a\r\nx-injected: 1" };
  it.each<[string, Verdict]>([
    ["a passing verdict", { headers: split }],
    ["a denial", { headers: split, reply: problem({ title: "No", status: 403 }) }],
    ["a reply", { reply: problem({ title: "No", status: 403, headers: split }) }],
    ["a value with a trailing line break", { headers: { "x-echo": "a\r\n" } }],
    [
      "a reply with a trailing line break",
      { reply: problem({ title: "No", status: 403, headers: { "x-echo": "a\r\n" } }) },
    ],
  ])("answers 500 instead of splitting a header, in %s", async (_, bad) => {
    fixture.guard = () => bad;
    const { status, headers } = await fixture.get("/");
    expect(status).toBe(500);
    expect(headers).not.toHaveProperty("x-injected");
    expect(headers).not.toHaveProperty("x-echo");
    expect(fixture.routes.calls).toBe(0);
  });
}
