import fc from "fast-check";
import { isIP } from "node:net";
import { describe, expect, it } from "vitest";
import { type ClientIpOptions, clientIp, ipPrefix } from "./client-ip.js";
import { createFacts } from "../testing/facts.js";

fc.configureGlobal({ seed: 20_261_120 });

const ask = (options: ClientIpOptions, remoteAddress: string | undefined, headers: Record<string, string> = {}) =>
  clientIp(options)(createFacts({ remoteAddress, headers }));

const ipv4 = fc.ipV4();
const ipv6 = fc.ipV6().filter((text) => isIP(text) === 6);
const address = fc.oneof(ipv4, ipv6);
const canonical = (text: string): string => ask({}, text) ?? "";

describe("clientIp: no trust", () => {
  it("returns the address of the socket for any headers", () => {
    expect(ask({}, "10.0.0.1", { "x-forwarded-for": "6.6.6.6", forwarded: "for=6.6.6.6" })).toBe("10.0.0.1");
    expect(ask({ trust: "none" }, undefined, { "x-forwarded-for": "6.6.6.6" })).toBeUndefined();
  });

  it("returns one form for each address", () => {
    expect(canonical("2001:DB8:0:0:0:0:0:1")).toBe("2001:db8::1");
    expect(canonical("::ffff:1.2.3.4")).toBe("1.2.3.4");
    expect(canonical("::ffff:102:304")).toBe("1.2.3.4");
    expect(canonical("fe80::1%eth0")).toBe("fe80::1");
    expect(canonical("::")).toBe("::");
    expect(canonical("1:0:0:2:0:0:0:3")).toBe("1:0:0:2::3");
    expect(canonical("1:0:2:3:4:5:6:7")).toBe("1:0:2:3:4:5:6:7");
  });

  it("returns a canonical address that parses to itself", () => {
    fc.assert(
      fc.property(address, (text) => {
        const once = canonical(text);
        expect(isIP(once)).not.toBe(0);
        expect(canonical(once)).toBe(once);
      }),
    );
  });

  it("agrees with the URL parser on how an IPv6 address is written", () => {
    fc.assert(
      fc.property(ipv6, (text) => {
        fc.pre(isIP(canonical(text)) === 6);
        expect(`[${canonical(text)}]`).toBe(new URL(`http://[${text}]/`).hostname);
      }),
    );
  });
});

describe("clientIp: hops", () => {
  const xff = { "x-forwarded-for": "1.1.1.1, 2.2.2.2, 3.3.3.3" };

  it("counts hops from the socket", () => {
    expect(ask({ trust: { hops: 1 } }, "10.0.0.1", xff)).toBe("3.3.3.3");
    expect(ask({ trust: { hops: 2 } }, "10.0.0.1", xff)).toBe("2.2.2.2");
    expect(ask({ trust: { hops: 9 } }, "10.0.0.1", xff)).toBe("1.1.1.1");
  });

  it("counts the socket as a hop even if its address is unknown", () => {
    expect(ask({ trust: { hops: 1 } }, undefined, xff)).toBe("3.3.3.3");
    expect(ask({ trust: { hops: 1 } }, undefined)).toBeUndefined();
  });

  it("never uses an entry of the client: it is left of the entries that proxies append", () => {
    fc.assert(
      fc.property(fc.string(), address, fc.constantFrom("x-forwarded-for", "forwarded"), (sent, real, header) => {
        const appended = header === "forwarded" ? `for="[${real}]"` : real;
        const value = sent === "" ? appended : `${sent}, ${appended}`;
        expect(ask({ trust: { hops: 1 }, header }, "10.0.0.1", { [header]: value })).toBe(canonical(real));
      }),
    );
  });
});

describe("clientIp: proxies", () => {
  const trust = { proxies: ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"] };

  it("skips proxies up to the first address that is not one", () => {
    const headers = { "x-forwarded-for": "6.6.6.6, 203.0.113.7, 2001:db8::5, 10.1.2.3" };
    expect(ask({ trust }, "10.0.0.1", headers)).toBe("203.0.113.7");
    expect(ask({ trust }, "192.0.2.1", headers)).toBe("203.0.113.7");
    expect(ask({ trust }, "::ffff:10.0.0.1", headers)).toBe("203.0.113.7");
  });

  it("ignores the header if the socket is not a proxy", () => {
    expect(ask({ trust }, "192.0.2.2", { "x-forwarded-for": "1.1.1.1" })).toBe("192.0.2.2");
    expect(ask({ trust }, undefined, { "x-forwarded-for": "1.1.1.1" })).toBeUndefined();
  });

  it("returns the farthest proxy if all hops are proxies", () => {
    expect(ask({ trust }, "10.0.0.1", { "x-forwarded-for": "10.0.0.9, 10.0.0.5" })).toBe("10.0.0.9");
    expect(ask({ trust }, "10.0.0.1")).toBe("10.0.0.1");
  });

  it.each([
    "unknown",
    "",
    "1.2.3",
    "1.2.3.4.5",
    "01.2.3.4",
    "_hidden",
    "10.0.0.256",
    "::1::",
    "[::1",
    "1.2.3.4:x",
    "\0",
  ])("stops at the entry %j", (entry) => {
    expect(ask({ trust }, "10.0.0.1", { "x-forwarded-for": `6.6.6.6, ${entry}, 10.0.0.5` })).toBe("10.0.0.5");
  });

  it("reads ports, brackets, zones and mapped addresses", () => {
    const read = (entry: string) => ask({ trust }, "10.0.0.1", { "x-forwarded-for": entry });
    expect(read("1.2.3.4:8080")).toBe("1.2.3.4");
    expect(read("[2001:db9::1]:8080")).toBe("2001:db9::1");
    expect(read("[2001:db9::1]")).toBe("2001:db9::1");
    expect(read("2001:db9::1")).toBe("2001:db9::1");
    expect(read("[fe80::1%eth0]")).toBe("fe80::1");
    expect(read("::ffff:1.2.3.4")).toBe("1.2.3.4");
  });

  it("accepts networks with host bits, as IPv4 in IPv6, and of length 0", () => {
    const headers = { "x-forwarded-for": "1.2.3.4" };
    expect(ask({ trust: { proxies: ["10.9.9.9/8"] } }, "10.0.0.1", headers)).toBe("1.2.3.4");
    expect(ask({ trust: { proxies: ["::ffff:10.0.0.0/104"] } }, "10.0.0.1", headers)).toBe("1.2.3.4");
    expect(ask({ trust: { proxies: ["0.0.0.0/0"] } }, "10.0.0.1", headers)).toBe("1.2.3.4");
    expect(ask({ trust: { proxies: ["::/0"] } }, "10.0.0.1", headers)).toBe("10.0.0.1");
    expect(ask({ trust: { proxies: ["10.0.0.0/31"] } }, "10.0.0.2", headers)).toBe("10.0.0.2");
  });
});

describe("clientIp: Forwarded", () => {
  const read = (forwarded: string) => ask({ trust: { hops: 1 }, header: "Forwarded" }, "10.0.0.1", { forwarded });

  it("reads the for parameter of the last element", () => {
    expect(read('for=6.6.6.6, for="[2001:db9::1]:4711";proto=https;by=10.0.0.1')).toBe("2001:db9::1");
    expect(read("proto=http; For=1.2.3.4")).toBe("1.2.3.4");
    expect(read('for="1.2.3.4:80"')).toBe("1.2.3.4");
  });

  it("stops at an element without an address, or with two", () => {
    expect(read("for=6.6.6.6, proto=https")).toBe("10.0.0.1");
    expect(read("for=6.6.6.6;for=7.7.7.7")).toBe("10.0.0.1");
    expect(read('for="_gazonk"')).toBe("10.0.0.1");
    expect(read('for="6.6.6.6')).toBe("10.0.0.1");
  });
});

describe("clientIp: wrong options", () => {
  it.each(["10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/8/8", "example.com", "", "fe80::1%eth0/64"])(
    "throws for the proxy %j at construction, with its value",
    (cidr) => {
      expect(() => clientIp({ trust: { proxies: ["10.0.0.0/8", cidr] } })).toThrow(
        `clientIp: trust.proxies: expected an address or CIDR, got ${JSON.stringify(cidr)}`,
      );
    },
  );

  it("throws for incomplete trust rules", () => {
    expect(() => clientIp({ trust: { hops: 0 } })).toThrow("clientIp: trust");
    expect(() => clientIp({ trust: { hops: 1.5 } })).toThrow("clientIp: trust");
    expect(() => clientIp({ trust: { proxies: [] } })).toThrow("clientIp: trust");
    expect(() => clientIp({ header: "x forwarded" })).toThrow("clientIp: header");
  });
});

describe("ipPrefix", () => {
  it("returns the /32 of an IPv4 address and the /56 of an IPv6 address", () => {
    expect(ipPrefix("203.0.113.7")).toBe("203.0.113.7/32");
    expect(ipPrefix("::ffff:203.0.113.7")).toBe("203.0.113.7/32");
    expect(ipPrefix("2001:db8:0:1ff:1:2:3:4")).toBe("2001:db8:0:100::/56");
    expect(ipPrefix("203.0.113.7", { v4: 20 })).toBe("203.0.112.0/20");
    expect(ipPrefix("2001:db8::1", { v6: 0 })).toBe("::/0");
    expect(ipPrefix("2001:db8::1", { v6: 128 })).toBe("2001:db8::1/128");
  });

  it("returns equal prefixes for two IPv6 addresses exactly when their first bits are equal", () => {
    const value = (text: string) =>
      BigInt(`0x${Array.from({ length: 8 }, (_, i) => expanded(text)[i]?.padStart(4, "0")).join("")}`);
    const near = fc
      .tuple(ipv6, fc.bigInt(0n, (1n << 80n) - 1n))
      .map(([text, noise]) => [text, toText(value(text) ^ noise)]);
    fc.assert(
      fc.property(near, fc.integer({ min: 48, max: 128 }), ([a = "", b = ""], bits) => {
        fc.pre(!canonical(a).includes(".") && !canonical(b).includes("."));
        const shift = BigInt(128 - bits);
        expect(ipPrefix(a, { v6: bits }) === ipPrefix(b, { v6: bits })).toBe(value(a) >> shift === value(b) >> shift);
      }),
    );
  });

  it("throws for other strings, and for more bits than the address has", () => {
    expect(() => ipPrefix("1.2.3")).toThrow('ip: expected an IPv4 or IPv6 address, got "1.2.3"');
    expect(() => ipPrefix("1.2.3.4", { v4: 33 })).toThrow("ipPrefix: bits: expected 0 to 32, got 33");
    expect(() => ipPrefix("::1", { v6: -1 })).toThrow("ipPrefix: bits: expected 0 to 128, got -1");
  });
});

// A second reading of IPv6 text, by way of the URL parser.
function expanded(text: string): string[] {
  const [head = "", tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split("::");
  const left = head === "" ? [] : head.split(":");
  if (tail === undefined) return left;
  const right = tail === "" ? [] : tail.split(":");
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => "0"), ...right];
}

function toText(value: bigint): string {
  const hex = value.toString(16).padStart(32, "0");
  return (hex.match(/.{4}/g) ?? []).join(":");
}
