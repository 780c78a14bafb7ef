import { describe, expect, it } from "vitest";
import type { Route } from "../types.js";
import { BusyError } from "../errors.js";
import { failureOf, markUnsent, wasSent } from "../postgres/failure.js";
import { nextRequest } from "./read-retry.js";

const replica: Route = { to: "replica", node: "r1", reason: "read", lagMs: 0 };
const primary: Route = { to: "primary", node: "p", reason: "no-healthy-replica" };
const tried = (...nodes: string[]): ReadonlySet<string> => new Set(nodes);
const code = (value: string): Error => Object.assign(new Error("x"), { code: value });

describe("nextRequest", () => {
  it.each(["25006", "0A000", "55000"])("sends %s of a replica to the primary, as a write", (refusal) => {
    const request = { intent: "write", reason: "read-only-refused" };
    expect(nextRequest(code(refusal), replica, tried("r1"))).toEqual(request);
    expect(nextRequest(code(refusal), primary, tried("p"))).toBeUndefined();
  });

  it("retries a conflict on another replica, and then on the primary", () => {
    expect(nextRequest(code("40001"), replica, tried("r1"))).toEqual({ intent: "read", except: tried("r1") });
    expect(nextRequest(code("40001"), replica, tried("r1", "r2"))).toEqual({ intent: "read", reason: "conflict" });
    expect(nextRequest(code("40001"), replica, tried("r1", "r2", "r3"))).toBeUndefined();
    expect(nextRequest(code("40001"), primary, tried("p"))).toBeUndefined();
  });

  it("retries a read of a full pool on another node", () => {
    const full = new BusyError("pool", "waited-too-long");
    expect(nextRequest(full, replica, tried("r1"))).toEqual({ intent: "read", except: tried("r1") });
    expect(nextRequest(full, replica, tried("r1", "r2", "p"))).toBeUndefined();
  });

  it("retries a failed connection on another node, three nodes at most", () => {
    const gone = new Error("Connection terminated unexpectedly");
    expect(nextRequest(gone, replica, tried("r1", "r2"))).toEqual({ intent: "read", except: tried("r1", "r2") });
    expect(nextRequest(gone, primary, tried("p"))).toEqual({ intent: "read", except: tried("p") });
    expect(nextRequest(gone, replica, tried("r1", "r2", "p"))).toBeUndefined();
  });

  it.each(["57014", "42601", "23505", "40P01", "22012", "22P02"])(
    "does not retry %s, which any server would return",
    (other) => {
      expect(nextRequest(code(other), replica, tried("r1"))).toBeUndefined();
    },
  );
});

describe("an error of a schema that a replica may not have yet", () => {
  it.each(["42P01", "42703", "42883", "42704", "3F000", "42501"])("asks the primary once: %s", (missing) => {
    const request = { intent: "read", reason: "schema-behind" };
    expect(nextRequest(code(missing), replica, tried("r1"))).toEqual(request);
    expect(nextRequest(code(missing), primary, tried("r1", "p"))).toBeUndefined();
  });
});

describe("failureOf", () => {
  it.each(["57P01", "57P03", "53300", "08006", "CONNECTION_CLOSED", "ECONNREFUSED", "EPIPE", "EAI_AGAIN"])(
    "classifies %s as a connection failure",
    (of) => {
      expect(failureOf(code(of), true)).toBe("connection");
      expect(failureOf(code(of), false)).toBe("connection");
    },
  );

  it.each([
    "Connection terminated unexpectedly",
    "Connection terminated due to connection timeout",
    "timeout expired",
    "Cannot use a pool after calling end on the pool",
    "Client has encountered a connection error and is not queryable",
  ])("classifies an error of pg without a code as a connection failure: %s", (message) => {
    expect(failureOf(new Error(message), false)).toBe("connection");
  });

  it("knows an error of opening a connection by its mark, whatever its text", () => {
    const error = new Error("any text of any driver");
    expect([failureOf(error, false), wasSent(error)]).toEqual([undefined, true]);
    markUnsent(error);
    expect([failureOf(error, false), wasSent(error)]).toEqual(["connection", false]);
    const full = new BusyError("pool", "waited-too-long");
    markUnsent(full);
    expect(failureOf(full, false)).toBeUndefined();
  });

  it("returns undefined for other errors", () => {
    for (const other of [
      undefined,
      null,
      "x",
      new TypeError("circular"),
      { code: 5 },
      new Error("Query read timeout"),
    ]) {
      expect(failureOf(other, true)).toBeUndefined();
    }
  });
});
