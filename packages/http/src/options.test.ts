import { isScaleError } from "@scale/core";
import { describe, expect, it } from "vitest";
import { toExpress } from "./adapters/express.js";
import * as http from "./index.js";
import { toFetch } from "./adapters/fetch.js";

const fn = () => undefined;

/** The public functions as JavaScript sees them: they take anything. */
const untyped: Record<string, unknown> = { ...http, toExpress, toFetch };

function failureOf(name: string, args: readonly unknown[]): unknown {
  const construct = untyped[name];
  if (typeof construct !== "function") throw new Error(`${name} is not exported`);
  try {
    Reflect.apply(construct, undefined, args);
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

const wrong: [name: string, args: unknown[], message: string][] = [
  ["tenantGuard", [], "options: Invalid input: expected object, received undefined, got undefined"],
  ["tenantGuard", [{}], "resolve: expected a function, got undefined"],
  ["tenantGuard", [{ resolve: "x" }], 'resolve: expected a function, got "x"'],
  ["tenantGuard", [{ resolve: fn, user: 1 }], "user: expected a function, got 1"],
  ["tenantGuard", [{ resolve: fn, ip: "1.1.1.1" }], 'ip: expected a function, got "1.1.1.1"'],
  ["tenantGuard", [{ resolve: fn, users: 1 }], 'options: Unrecognized key: "users"'],
  ["fromHeader", [], "name: expected a header name, got undefined"],
  ["fromHeader", [""], 'name: expected a header name, got ""'],
  ["fromHeader", ["x tenant"], 'name: expected a header name, got "x tenant"'],
  ["fromHeader", [7], "name: expected a header name, got 7"],
  ["fromClaim", [], "options: Invalid input: expected object, received undefined, got undefined"],
  ["fromClaim", [{}], "verify: expected a function, got undefined; claim: expected the name of a claim, got undefined"],
  ["fromClaim", [{ verify: fn }], "claim: expected the name of a claim, got undefined"],
  ["fromClaim", [{ verify: fn, claim: "" }], 'claim: expected the name of a claim, got ""'],
  ["fromClaim", [{ verify: fn, claim: "org", audience: "a" }], 'options: Unrecognized key: "audience"'],
  ["fromPath", [], "options: Invalid input: expected object, received undefined, got undefined"],
  ["fromPath", [{}], 'prefix: expected a path that starts with "/", got undefined'],
  ["fromPath", [{ prefix: "/t", suffix: "" }], 'options: Unrecognized key: "suffix"'],
  ["fromSubdomain", [], "options: Invalid input: expected object, received undefined, got undefined"],
  ["fromSubdomain", [{ domain: 7 }], "domain: expected a domain name, got 7"],
  ["fromSubdomain", [{ domain: "a.example", port: 1 }], 'options: Unrecognized key: "port"'],
  ["firstOf", [], "resolvers: expected at least one, got none"],
  ["firstOf", ["a"], 'resolvers.0: expected a function, got "a"'],
  ["firstOf", [fn, undefined], "resolvers.1: expected a function, got undefined"],
  ["chain", ["a"], 'guards.0: expected a function, got "a"'],
  ["chain", [fn, {}], "guards.1: expected a function, got {}"],
  ["toExpress", [], "guard: expected a function, got undefined"],
  ["toExpress", [{ resolve: fn }], "guard: expected a function, got {}"],
  ["toFetch", [], "guard: expected a function, got undefined"],
  ["toFetch", [fn], "handler: expected a function, got undefined"],
  ["toFetch", [fn, "GET"], 'handler: expected a function, got "GET"'],
  ["toFetch", [fn, fn, { remoteAddress: "1.1.1.1" }], 'remoteAddress: expected a function, got "1.1.1.1"'],
  [
    "clientIp",
    [{ trust: "all" }],
    'trust: expected "none", { hops: 1 } with the number of proxies, or { proxies: ["10.0.0.0/8"] } with their addresses, got "all"',
  ],
  ["clientIp", [{ header: "" }], 'header: expected a header name, got ""'],
];

describe("wrong options", () => {
  it.each(wrong)("%s%j throws at construction, with the wrong argument", (name, args, message) => {
    const failure = failureOf(name, args);
    expect(isScaleError(failure, "SCALE_CONFIG")).toBe(true);
    expect(failure).toMatchObject({ message: `${name}: ${message}` });
  });
});
