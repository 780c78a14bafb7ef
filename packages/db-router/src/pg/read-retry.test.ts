import { describe, expect, it } from "vitest";
import type { Route } from "../types.js";
import { failureOf } from "../postgres/failure.js";
import { nextNeed } from "./read-retry.js";

const replica: Route = { to: "replica", node: "r1", reason: "read", lagMs: 0 };
const primary: Route = { to: "primary", node: "p", reason: "no-healthy-replica" };
const tried = (...nodes: string[]): ReadonlySet<string> => new Set(nodes);
const code = (value: string): Error => Object.assign(new Error("x"), { code: value });

describe("nextNeed", () => {
  it.each(["25006", "0A000", "55000"])("gives %s of a replica to the primary, as a write", (refusal) => {
    const need = { intent: "write", reason: "read-only-refused" };
    expect(nextNeed(code(refusal), replica, tried("r1"))).toEqual(need);
    expect(nextNeed(code(refusal), primary, tried("p"))).toBeUndefined();
  });

  it("tries a conflict on another replica, and then on the primary", () => {
    expect(nextNeed(code("40001"), replica, tried("r1"))).toEqual({ intent: "read", except: tried("r1") });
    expect(nextNeed(code("40001"), replica, tried("r1", "r2"))).toEqual({ intent: "read", reason: "conflict" });
    expect(nextNeed(code("40001"), replica, tried("r1", "r2", "r3"))).toBeUndefined();
    expect(nextNeed(code("40001"), primary, tried("p"))).toBeUndefined();
  });

  it("tries a connection that fails elsewhere, and gives up after three nodes", () => {
    const gone = new Error("Connection terminated unexpectedly");
    expect(nextNeed(gone, replica, tried("r1", "r2"))).toEqual({ intent: "read", except: tried("r1", "r2") });
    expect(nextNeed(gone, primary, tried("p"))).toEqual({ intent: "read", except: tried("p") });
    expect(nextNeed(gone, replica, tried("r1", "r2", "p"))).toBeUndefined();
  });

  it.each(["57014", "42P01", "23505", "40P01", "22012"])("leaves %s, which every server would say", (other) => {
    expect(nextNeed(code(other), replica, tried("r1"))).toBeUndefined();
  });
});

describe("failureOf", () => {
  it.each(["57P01", "57P03", "53300", "08006", "ECONNREFUSED", "EPIPE", "EAI_AGAIN"])(
    "takes %s for a connection",
    (of) => {
      expect(failureOf(code(of), true)).toBe("connection");
      expect(failureOf(code(of), false)).toBe("connection");
    },
  );

  it.each([
    "Connection terminated unexpectedly",
    "Connection terminated due to connection timeout",
    "timeout expired",
    "timeout exceeded when trying to connect",
    "Cannot use a pool after calling end on the pool",
    "Client has encountered a connection error and is not queryable",
  ])("takes what pg says without a code for a connection: %s", (message) => {
    expect(failureOf(new Error(message), false)).toBe("connection");
  });

  it("knows nothing of other errors", () => {
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
