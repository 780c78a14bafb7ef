import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pathOf } from "./request-target.js";

fc.configureGlobal({ seed: 20_261_130 });

describe("pathOf", () => {
  it.each([
    ["/", "/"],
    ["/a/../b?c=%20/../d", "/a/../b?c=%20/../d"],
    ["/a/%2e%2e/b", "/a/%2e%2e/b"],
    ["/a\\b", "/a\\b"],
    ["//a/b", "//a/b"],
    ["http://host", "/"],
    ["http://host?a=/../b", "/?a=/../b"],
    ["HTTPS://[::1]:8080/a?b", "/a?b"],
    ["http://a_b.example:80/c..d/.e", "/c..d/.e"],
    ["*", "/"],
    ["", "/"],
    ["example.com:443", "/"],
    ["[::1]:443", "/"],
  ])("returns the path of %j unchanged", (target, path) => {
    expect(pathOf(target)).toBe(path);
  });

  it.each([
    "http://x/t/acme/../victim",
    "http://x/t/acme/%2e%2e/victim",
    "http://x/t/acme/.%2E/victim",
    "http://x/t/acme/%2E./victim",
    "http://x/./a",
    "http://x/a/.",
    "http://x/a\\b",
    "http://x\\a",
    "http://x;/a",
    "http://u:p@x/a",
    "http://x%2f/a",
    "http:/a",
    "a/b",
    "/a#b",
    "/a\u00a0",
    "/a b",
    "/a\tb",
    "\ufeff/a",
    "http://x/a#",
  ])("refuses %j, which routers read in different ways", (target) => {
    expect(() => pathOf(target)).toThrow(expect.objectContaining({ code: "SCALE_INPUT", status: 400 }));
  });

  it("returns a part of the target, or refuses it, whatever the target is", () => {
    const part = fc.constantFrom(
      "/",
      "..",
      ".",
      "%2e",
      "\\",
      "?",
      "#",
      "http://",
      "x",
      "@",
      ":",
      ";",
      "a",
      "%",
      "\u00a0",
      "*",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const target = parts.join("");
        let path: string;
        try {
          path = pathOf(target);
        } catch {
          return;
        }
        expect(path.startsWith("/")).toBe(true);
        expect(target.endsWith(path) || target.endsWith(path.slice(1)) || path === "/").toBe(true);
      }),
      { numRuns: 5000 },
    );
  });
});
