import { describe, expect, it } from "vitest";
import { type ClientIpOptions, clientIp } from "./client-ip.js";
import { entriesFromRight, forwardedFor } from "./forwarded.js";
import { createFacts } from "../testing/facts.js";

describe("entriesFromRight", () => {
  it.each([
    ["", [""]],
    [",", ["", ""]],
    ["a", ["a"]],
    [",a,", ["", "a", ""]],
    ["a, b,,c", ["c", "", " b", "a"]],
  ])("yields the entries of %j from its end", (value, entries) => {
    expect([...entriesFromRight(value)]).toEqual(entries);
  });
});

describe("forwardedFor", () => {
  it.each([
    ["for=1.2.3.4", "1.2.3.4"],
    [" proto=http ; FOR=1.2.3.4 ; by=10.0.0.1", "1.2.3.4"],
    ['for="[2001:db9::1]:4711"', "[2001:db9::1]:4711"],
    ['for=1.2.3.4;host="a;for=6.6.6.6;b"', "1.2.3.4"],
    ['for=1.2.3.4;host="a\\";for=6.6.6.6;\\"b"', "1.2.3.4"],
  ])("reads %j", (element, value) => {
    expect(forwardedFor(element)).toBe(value);
  });

  it.each(["", "for", "proto=https", "for=1.2.3.4;for=5.6.7.8", 'for="1.2.3.4', 'for=1.2.3.4;x="', '"', "\\"])(
    "returns nothing for %j",
    (element) => {
      expect(forwardedFor(element)).toBe("");
    },
  );

  it("ignores an entry that a client hid after a comma inside a proxy's quotes", () => {
    const hidden = [", for=6.6.6.6;x=", ', for=6.6.6.6;x="', ', for=6.6.6.6;x="";y='];
    for (const host of hidden) {
      const [last = ""] = entriesFromRight(`for=1.2.3.4;host=${JSON.stringify(host)}`);
      expect(forwardedFor(last)).toBe("");
    }
  });
});

describe("clientIp: the cost of a long header", () => {
  const size = 1024;
  const factor = 16;

  it.each([
    ["spaces in a value", (length: number) => `for=${" ".repeat(length)}x`],
    ["spaces in front of a quote", (length: number) => `for=${" ".repeat(length)}"x"`],
    ["spaces in front of a name", (length: number) => `${" ".repeat(length)}x`],
    ["separators", (length: number) => ";".repeat(length)],
    ["separators and spaces", (length: number) => "; ".repeat(length / 2)],
    ["quotes", (length: number) => 'for="";'.repeat(length / 7)],
    ["an open quote", (length: number) => `for="${" ;".repeat(length / 2)}`],
  ])("is linear in its length: %s", (_, header) => {
    const options = { trust: { hops: 2 }, header: "forwarded" };
    const ratio = timeOf(options, header(size * factor)) / timeOf(options, header(size));
    // Linear work gives about 16, quadratic work about 256.
    expect(ratio).toBeLessThan(factor * 5);
  });

  it.each(["forwarded", "x-forwarded-for"])("does not depend on entries left of the trusted ones: %s", (header) => {
    const options = { trust: { hops: 1 }, header };
    const value = (entries: number) =>
      `${"for=6.6.6.6, ".repeat(entries)}${header === "forwarded" ? "for=" : ""}1.1.1.1`;
    const ratio = timeOf(options, value(100_000)) / timeOf(options, value(100));
    // Reading all of it would give about 1,000.
    expect(ratio).toBeLessThan(50);
  });
});

// The least of many runs: what else the machine does can only add to it.
function timeOf(options: ClientIpOptions, value: string): number {
  const find = clientIp(options);
  const { header = "" } = options;
  const facts = createFacts({ remoteAddress: "10.0.0.1", headers: { [header]: value } });
  const runs = Array.from({ length: 30 }, () => {
    const start = performance.now();
    find(facts);
    return performance.now() - start;
  });
  return Math.min(...runs);
}
