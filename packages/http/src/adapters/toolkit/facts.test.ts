import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { factsFromFetch, factsFromNode } from "./facts.js";

function nodeRequest(given: Partial<IncomingMessage> & { originalUrl?: string }): IncomingMessage {
  return Object.assign(new IncomingMessage(new Socket()), given);
}

describe("factsFromNode", () => {
  it("returns method, url and headers, in any case of the name", () => {
    const request = nodeRequest({ method: "post", url: "/a?b=1", headers: { "x-tenant": "acme", host: "a.example" } });
    const facts = factsFromNode(request);
    expect(facts).toMatchObject({ method: "POST", url: "/a?b=1", remoteAddress: undefined });
    expect(facts.header("X-Tenant")).toBe("acme");
    expect(facts.header("host")).toBe("a.example");
    expect(facts.header("x-none")).toBeUndefined();
    expect(facts.raw).toBe(request);
  });

  it("returns the original url below a router of Express", () => {
    expect(factsFromNode(nodeRequest({ url: "/a", originalUrl: "/api/a?b=1" })).url).toBe("/api/a?b=1");
  });

  it.each([
    ["http://other.example/a?b=1", "/a?b=1"],
    ["*", "/"],
    ["example.com:443", "/"],
    ["//a/b", "//a/b"],
  ])("starts the url with a slash: %s", (url, expected) => {
    expect(factsFromNode(nodeRequest({ url })).url).toBe(expected);
  });

  it("joins the lines of a header", () => {
    const facts = factsFromNode(nodeRequest({ headers: { "set-cookie": ["a=1", "b=2"] } }));
    expect(facts.header("set-cookie")).toBe("a=1, b=2");
  });

  it("reads the host of HTTP/2 from its pseudo header", () => {
    expect(factsFromNode(nodeRequest({ headers: { ":authority": "a.example" } })).header("Host")).toBe("a.example");
  });

  it("has no header of Object.prototype", () => {
    expect(factsFromNode(nodeRequest({ headers: {} })).header("constructor")).toBeUndefined();
    expect(factsFromNode(nodeRequest({ headers: {} })).header("__proto__")).toBeUndefined();
  });
});

describe("factsFromFetch", () => {
  it("returns the same facts as node:http", () => {
    const request = new Request("https://a.example:8443/a/b?c=%20d#e", {
      method: "put",
      headers: { "X-Tenant": "acme" },
    });
    const facts = factsFromFetch(request, "192.0.2.1");
    expect(facts).toMatchObject({ method: "PUT", url: "/a/b?c=%20d", remoteAddress: "192.0.2.1" });
    expect(facts.header("x-tenant")).toBe("acme");
    expect(facts.header("x-none")).toBeUndefined();
    expect(facts.header("HOST")).toBe("a.example:8443");
    expect(facts.raw).toBe(request);
  });
});
