import { createFacts } from "@scale/http/testing";
import { describe, expect, it } from "vitest";
import { dbSessionHeaders } from "./http.js";

const beginWith = (headers: Record<string, string>, options?: Parameters<typeof dbSessionHeaders>[0]) =>
  dbSessionHeaders(options).begin(createFacts({ headers }));
const methodWith = (method: string, options?: Parameters<typeof dbSessionHeaders>[0]) =>
  dbSessionHeaders(options).begin(createFacts({ method })).consistency;

describe("dbSessionHeaders", () => {
  it("starts a fresh session for a client without a token", () => {
    expect(beginWith({})).toEqual({ startFresh: true });
    expect(beginWith({ cookie: "other=1; xscale_db=2" })).toEqual({ startFresh: true });
  });

  it("takes the token from the header, or else from the cookie", () => {
    const whenRefused = "ignore";
    expect(beginWith({ "x-db-token": "h", cookie: "scale_db=c" })).toEqual({ token: "h", whenRefused });
    expect(beginWith({ cookie: "a=b; scale_db=v1.x=y ; z=1" })).toEqual({ token: "v1.x=y", whenRefused });
    expect(beginWith({ "x-db-token": "h", cookie: "scale_db=c" }, { header: false })).toEqual({
      token: "c",
      whenRefused,
    });
    expect(beginWith({ cookie: "scale_db=c" }, { cookie: false })).toEqual({ startFresh: true });
  });

  it("sends header and cookie, with the lifetime of tokens", () => {
    expect(dbSessionHeaders().headersOf("v1.t", "no-cache")).toEqual({
      "x-db-token": "v1.t",
      "set-cookie": "scale_db=v1.t; Path=/; Max-Age=30; HttpOnly; SameSite=Lax; Secure",
    });
    const options = { header: false, cookie: { name: "db", isSecure: false, path: "/api" }, ttlMs: 5_000 } as const;
    expect(dbSessionHeaders(options).headersOf("t", undefined)).toEqual({
      "set-cookie": "db=t; Path=/api; Max-Age=5; HttpOnly; SameSite=Lax",
      "cache-control": "private",
    });
    for (const control of ["public, max-age=60", "max-age=60, Public", "s-maxage=5"]) {
      expect(dbSessionHeaders().headersOf("t", control)).toEqual({});
    }
  });

  it("sends the reads of unsafe methods to the primary, unless told otherwise", () => {
    const safe = ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"];
    for (const method of safe) expect(methodWith(method)).toBeUndefined();
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "MKCOL", "get"]) expect(methodWith(method)).toBe("strong");
    expect(methodWith("POST", { readsOnPrimary: "none" })).toBeUndefined();
    const readsOnPrimary = ({ method }: { readonly method: string }): boolean => method === "PUT";
    expect([methodWith("POST", { readsOnPrimary }), methodWith("PUT", { readsOnPrimary })]).toEqual([
      undefined,
      "strong",
    ]);
    const late = { readsOnPrimary: (() => Promise.resolve(true)) as never };
    expect(() => methodWith("GET", late)).toThrow("expected true or false");
  });

  it.each([
    { readsOnPrimary: true },
    { header: "a b" },
    { cookie: { name: "a;b" } },
    { cookie: { path: "x" } },
    { ttl: 1 },
  ])("refuses %j", (options) => {
    expect(() => dbSessionHeaders(options as object)).toThrow(expect.objectContaining({ code: "SCALE_CONFIG" }));
  });
});
