import { ConfigError, InputError, PlanError, ScaleError, StoreError, TenantError, TimeoutError } from "@scale/core";
import { describe, expect, it } from "vitest";
import { CredentialError } from "./errors.js";
import { problem, problemFromError } from "./problem.js";
import { serializeReply } from "./adapters/toolkit/serialize-reply.js";

describe("problem", () => {
  it("returns a problem document that caches must not store", () => {
    const reply = problem({ title: "Too Many Requests", status: 429, code: "SCALE_RATE_LIMIT", retryAfterMs: 30_000 });
    expect(reply.status).toBe(429);
    expect(reply.headers).toEqual({ "content-type": "application/problem+json", "cache-control": "no-store" });
    expect(serializeReply(reply).text).toBe(
      '{"title":"Too Many Requests","status":429,"code":"SCALE_RATE_LIMIT","retryAfterMs":30000}',
    );
  });

  it("accepts further headers, which are not part of the body", () => {
    const reply = problem({ title: "Gone", status: 410, headers: { "retry-after": "30" } });
    expect(reply.headers["retry-after"]).toBe("30");
    expect(serializeReply(reply).text).toBe('{"title":"Gone","status":410}');
  });
});

describe("problemFromError", () => {
  const text = (error: unknown) => {
    const reply = problemFromError(error);
    return reply && `${reply.status} ${serializeReply(reply).text}`;
  };

  it("contains the message of a client error", () => {
    expect(text(new InputError("limit: expected 1 to 100, got 0"))).toBe(
      '400 {"title":"Bad Request","status":400,"detail":"limit: expected 1 to 100, got 0","code":"SCALE_INPUT"}',
    );
    expect(text(new InputError("cursor is not ours", { code: "SCALE_CURSOR" }))).toContain('"code":"SCALE_CURSOR"');
    expect(text(new TenantError("no tenant"))).toContain('"code":"SCALE_TENANT"');
  });

  it("requests a token after an invalid one, and hides the cause", () => {
    const error = new CredentialError("the bearer token is not valid", { cause: new Error("key 7 is revoked") });
    expect(text(error)).toMatch(/^401 .*"code":"SCALE_CREDENTIAL"}$/);
    expect(text(error)).not.toContain("key 7");
    expect(problemFromError(error)?.headers["www-authenticate"]).toBe('Bearer error="invalid_token"');
  });

  it("tells a client of a limit when to come back, and what was too large", () => {
    const full = Object.assign(new ScaleError("SCALE_BACKLOG_FULL", "tenant acme has 7 jobs"), { status: 429 });
    expect(text(full)).toMatch(/^429 {"title":"Too Many Requests",.*"code":"SCALE_BACKLOG_FULL"}$/);
    expect(text(full)).not.toContain("acme");
    expect(problemFromError(full)?.headers["retry-after"]).toBe("1");
    const large = Object.assign(new ScaleError("SCALE_PAYLOAD_TOO_LARGE", "expected 10 bytes, got 11"), {
      status: 413,
    });
    expect(text(large)).toBe(
      '413 {"title":"Content Too Large","status":413,"detail":"expected 10 bytes, got 11","code":"SCALE_PAYLOAD_TOO_LARGE"}',
    );
  });

  it("hides every detail of a backend error", () => {
    const leaky = new StoreError("take at redis://user:secret@10.0.0.7", { cause: new Error("ECONNREFUSED 10.0.0.7") });
    expect(text(leaky)).toBe(
      '503 {"title":"Service Unavailable","status":503,"detail":"This request cannot be answered at the moment.","code":"SCALE_STORE"}',
    );
    expect(text(new TimeoutError("redis at 10.0.0.7", 100))).toMatch(/^503 .*"SCALE_TIMEOUT"}$/);
    expect(text(new TimeoutError("redis at 10.0.0.7", 100))).not.toContain("10.0.0.7");
  });

  it("tells a forbidden plan from an unknown one, and hides the message", () => {
    expect(text(new PlanError('plan "free" has no group "ai"', { status: 403 }))).toBe(
      '403 {"title":"Forbidden","status":403,"detail":"The plan of the tenant does not cover this request.","code":"SCALE_PLAN"}',
    );
    expect(text(new PlanError("lookup at 10.0.0.7"))).toMatch(
      /^503 .*"detail":"This request cannot [^"]*","code":"SCALE_PLAN"}$/,
    );
  });

  it("adds the members of the error's own problem", () => {
    const told = { detail: "9 of 10 are used", metric: "users", upgrade: { from: "free", to: "pro" } };
    const error = Object.assign(new ScaleError("SCALE_QUOTA", "tenant acme is full"), { status: 402, problem: told });
    expect(text(error)).toBe(
      '402 {"title":"Payment Required","status":402,"detail":"9 of 10 are used","code":"SCALE_QUOTA",' +
        '"metric":"users","upgrade":{"from":"free","to":"pro"}}',
    );
  });

  it("recognises an error of a second copy of the library", () => {
    const copy = Object.assign(new Error("copied"), {
      code: "SCALE_INPUT",
      status: 400,
      [Symbol.for("@scale/error")]: true,
    });
    expect(problemFromError(copy)?.status).toBe(400);
  });

  it.each([new Error("boom"), new ConfigError("x"), new ScaleError("SCALE_X", "x"), undefined, "text"])(
    "leaves %s to the application",
    (error) => {
      expect(problemFromError(error)).toBeUndefined();
    },
  );

  it("ignores the status of other errors", () => {
    expect(problemFromError(Object.assign(new Error("secret"), { status: 400, code: "SCALE_INPUT" }))).toBeUndefined();
  });
});

describe("serializeReply", () => {
  it("prefers the headers of the reply over those of the verdict", () => {
    const { headers } = serializeReply(problem({ title: "x", status: 400 }), {
      "Cache-Control": "public",
      "x-plan": "free",
    });
    expect(headers).toEqual({
      "cache-control": "no-store",
      "x-plan": "free",
      "content-type": "application/problem+json",
    });
  });

  it("is JSON unless the reply says otherwise, and nothing where there is no body", () => {
    expect(serializeReply({ status: 200, headers: {}, body: [1] })).toEqual({
      status: 200,
      headers: { "content-type": "application/json" },
      text: "[1]",
    });
    expect(serializeReply({ status: 204, headers: {}, body: { a: 1 } })).toEqual({
      status: 204,
      headers: {},
      text: undefined,
    });
    expect(serializeReply({ status: 302, headers: { location: "/" }, body: undefined }).text).toBeUndefined();
  });
});
