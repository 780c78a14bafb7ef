import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFacts } from "../testing/facts.js";
import { fromPath } from "./path.js";

fc.configureGlobal({ seed: 20_261_120 });

const at = (prefix: string, url: string) => fromPath({ prefix })(createFacts({ url }));

describe("fromPath", () => {
  it.each([
    ["/t", "/t/acme", "acme"],
    ["/t/", "/t/acme/orders?x=1", "acme"],
    ["/t", "/t/acme?x=/t/b", "acme"],
    ["/", "/acme/orders", "acme"],
    ["/api/v1/t", "/api/v1/t/a%20b", "a b"],
    ["/t", "/t/a%2Fb/c", "a/b"],
    ["/t", "/t/%E4%BD%A0", "你"],
  ])("returns the segment after %s in %s", (prefix, url, id) => {
    expect(at(prefix, url)).toBe(id);
  });

  it.each([
    "/",
    "/t",
    "/t/",
    "/t//acme",
    "/tt/acme",
    "/T/acme",
    "/x/t/acme",
    "/t?/acme",
    "/t/./a",
    "/t/%2e%2E/a",
    "//t/acme",
  ])("returns undefined for %s", (url) => {
    expect(at("/t", url)).toBeUndefined();
  });

  it.each(["/t/%", "/t/%zz", "/t/%E4%BD", "/t/%ff/orders"])("throws for the encoding of %s", (url) => {
    expect(() => at("/t", url)).toThrow("path: expected percent-encoded UTF-8");
  });

  it("returns any id that was encoded into the path", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), (id) => {
        fc.pre(id !== "." && id !== "..");
        expect(at("/t", `/t/${encodeURIComponent(id)}/orders`)).toBe(id);
      }),
    );
  });

  it.each(["", "t", "/t?x", "/t#x"])("throws for the prefix %j at construction", (prefix) => {
    expect(() => fromPath({ prefix })).toThrow("fromPath: prefix: expected a path");
  });
});
