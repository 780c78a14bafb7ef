import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFacts } from "../testing/facts.js";
import { fromSubdomain } from "./subdomain.js";

fc.configureGlobal({ seed: 20_261_120 });

const under = (domain: string, host: string) => fromSubdomain({ domain })(createFacts({ headers: { host } }));

describe("fromSubdomain", () => {
  it.each([
    ["acme.example.com", "acme"],
    ["ACME.Example.COM", "acme"],
    ["acme.example.com:8080", "acme"],
    ["acme.example.com.", "acme"],
    ["acme.example.com.:443", "acme"],
    ["acme-2_b.example.com", "acme-2_b"],
    ["xn--bcher-kva.example.com", "xn--bcher-kva"],
  ])("returns the label of %s", (host, label) => {
    expect(under("example.com", host)).toBe(label);
    expect(under("Example.com.", host)).toBe(label);
  });

  it.each([
    "example.com",
    ".example.com",
    "a.b.example.com",
    "acmeexample.com",
    "acme.example.com.evil.net",
    "acme.example.com..",
    "acme.example.com:80:80",
    "acme.example.com:x",
    "evil.net:acme.example.com",
    "a:b.example.com",
    "a b.example.com",
    "a@b.example.com",
    "-a.example.com",
    "*.example.com",
    "\u0430cme.example.com",
    `${"a".repeat(64)}.example.com`,
    "[::1]",
    "[::1]:8080",
    "[::ffff:1.2.3.4]:80",
    "203.0.113.7",
    "",
  ])("returns undefined for %j", (host) => {
    expect(under("example.com", host)).toBeUndefined();
  });

  it("works below one label, as in development", () => {
    expect(under("localhost", "acme.localhost:3000")).toBe("acme");
  });

  it("returns the exact label, in any case and with any port", () => {
    const label = fc.stringMatching(/^[a-zA-Z0-9]([a-zA-Z0-9-]{0,20}[a-zA-Z0-9])?$/);
    fc.assert(
      fc.property(label, fc.nat(65_535), (text, port) => {
        expect(under("shop.example", `${text}.SHOP.example:${port}`)).toBe(text.toLowerCase());
      }),
    );
  });

  it("returns a host label or undefined for any string", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string({ unit: "binary" }).map((text) => `${text}.example.com`),
        ),
        (host) => {
          expect(under("example.com", host) ?? "none").toMatch(/^[a-z\d_][a-z\d_-]*$/);
        },
      ),
    );
  });

  it.each(["", ".", "exa mple.com", "example..com", "example.com:80", "*.example.com", ".example.com"])(
    "throws for the domain %j at construction",
    (domain) => {
      expect(() => fromSubdomain({ domain })).toThrow("fromSubdomain: domain: expected a domain name, got ");
    },
  );
});
