import { ipPrefix } from "@scale/http";
import { createFacts } from "@scale/http/testing";
import { describe, expect, it } from "vitest";
import { rateLimitGuard } from "./http/guard.js";
import { createRateLimiter } from "./limiter.js";
import { subjectNormalizer } from "./subject.js";
import type { RateLimitSubject } from "./types.js";

const addressOf = (ip: string, bits = 56): unknown => subjectNormalizer(bits)({ ip }).ip;

describe("subjectNormalizer", () => {
  it("counts IPv4 as it is, also in IPv6 and as a network of one address", () => {
    for (const ip of ["203.0.113.7", "203.0.113.7/32", "::ffff:203.0.113.7", "::FFFF:cb00:7107"]) {
      expect(addressOf(ip)).toBe("203.0.113.7");
    }
    expect(addressOf("203.0.113.7/24")).toBe("203.0.113.0/24");
  });

  it("counts IPv6 by its prefix, in whatever form it is given", () => {
    const network = "2001:db8:0:100::/56";
    for (const ip of ["2001:db8:0:100::1", "2001:DB8:0:1ff:ffff::2", "2001:db8:0:100::1%eth0", network]) {
      expect(addressOf(ip)).toBe(network);
    }
    expect(addressOf("2001:db8:0:1ab::1", 64)).toBe("2001:db8:0:1ab::/64");
    // Larger than one client: the application has chosen it.
    expect(addressOf("2001:db8:7::1/32")).toBe("2001:db8::/32");
  });

  it.each(["hash:9c1", "not/an/address", "1.2.3.4/33", "2001:db8::/129", "/", ":", "", "a/24"])(
    "leaves %j as it is",
    (ip) => {
      expect(addressOf(ip)).toBe(ip);
    },
  );

  it("returns the subject itself when there is nothing to change, and drops ids of null", () => {
    const subject = { tenantId: "acme", userId: "ann", ip: "192.0.2.1" };
    expect(subjectNormalizer(56)(subject)).toBe(subject);
    expect(subjectNormalizer(56)({ tenantId: "acme", userId: null, ip: null })).toEqual({ tenantId: "acme" });
    const keys = { email: null };
    expect(subjectNormalizer(56)({ ip: null, keys })).toEqual({ keys });
  });
});

describe("a limiter with rules for keys", () => {
  const whenSubjectMissing = "skip";
  const account = { limit: 1, window: "1h", by: "email", whenSubjectMissing } as const;
  const ip = { limit: 9, window: "1h", whenSubjectMissing } as const;
  const email = (address: string) => ({ keys: { email: address } });

  it("counts a key with and without a tenant, and never mixes the two", async () => {
    const limiter = createRateLimiter({ rules: { account } });
    const ann = email("ann@example.com");
    const subjects = [ann, { tenantId: "acme", ...ann }, { tenantId: "globex", ...ann }, email("bob@example.com")];
    for (const subject of subjects) expect((await limiter.check(subject)).allowed).toBe(true);
    for (const subject of subjects) expect((await limiter.check(subject)).violated).toEqual(["account"]);
    // A tenant whose id is an e-mail address is another one.
    expect((await limiter.check({ tenantId: "ann@example.com", ...ann })).allowed).toBe(true);
    limiter.close();
  });

  it("applies to subjects with that key only, and rejects when no rule applies", async () => {
    const limiter = createRateLimiter({ rules: { account, ip } });
    const names = async (subject: RateLimitSubject) => (await limiter.check(subject)).limits.map(({ name }) => name);
    expect(await names({ ip: "192.0.2.1" })).toEqual(["ip"]);
    expect(await names({ ip: "192.0.2.1", keys: { email: null, other: "x" } })).toEqual(["ip"]);
    expect(await names({ ip: "192.0.2.1", ...email("ann@example.com") })).toEqual(["account", "ip"]);
    await expect(limiter.check({ keys: {} })).rejects.toMatchObject({
      code: "SCALE_TENANT",
      message: "expected a subject with email or ip, got one without",
    });
    await expect(limiter.check({ tenantId: "acme" })).rejects.toMatchObject({ code: "SCALE_PLAN" });
    const inherited = createRateLimiter({ rules: { odd: { ...account, by: "constructor" } } });
    await expect(inherited.check({ keys: {} })).rejects.toMatchObject({ code: "SCALE_TENANT" });
    limiter.close();
    inherited.close();
  });
});

describe("a limiter and its guards", () => {
  it.each([
    ["2001:db8:0:100::1", "2001:db8:0:1ff::9"],
    ["203.0.113.7", "::ffff:203.0.113.7"],
  ])("count and reset the same client, whichever form of %s they get", async (ip, alias) => {
    const limiter = createRateLimiter({ rules: { ip: { limit: 1, window: "1h" } } });
    const guard = rateLimitGuard(limiter, { subject: ({ remoteAddress }) => ({ ip: remoteAddress }) });
    const status = async (): Promise<number> => (await guard(createFacts({ remoteAddress: ip }))).reply?.status ?? 200;
    for (const form of [ip, alias, ipPrefix(ip), ipPrefix(alias)]) {
      expect([await status(), await status()]).toEqual([200, 429]);
      expect((await limiter.check({ ip: form })).allowed).toBe(false);
      await limiter.reset({ ip: form });
    }
    expect(await status()).toBe(200);
    limiter.close();
  });

  it("take an id of null for none", async () => {
    const limiter = createRateLimiter({
      rules: { tenant: { limit: 5, window: "1m" }, user: { limit: 5, window: "1m", whenSubjectMissing: "skip" } },
    });
    const { limits } = await limiter.check({ tenantId: "acme", userId: null, ip: null });
    expect(limits.map(({ name }) => name)).toEqual(["tenant"]);
    limiter.close();
  });
});
