import { describe, expect, it } from "vitest";
import { ServerError } from "../server-error.js";
import { explainStart, telling } from "./explain.js";

const server = { what: "postgres", port: 5432, folder: "/tmp/x" };
const explained = (detail: string): unknown => explainStart(new ServerError("ended", { detail }), server);

describe("explainStart", () => {
  it("names a full disk in one line, and keeps the output", () => {
    const detail = "FATAL:  could not write lock file: No space left on device\nmore";
    expect(explained(detail)).toMatchObject({ message: "postgres: the disk that holds /tmp/x is full", detail });
    expect(explainStart(Object.assign(new Error("ENOSPC: no space"), { code: "ENOSPC" }), server)).toMatchObject({
      message: "postgres: the disk that holds /tmp/x is full",
    });
  });

  it("tells a full table of shared memory segments from a full disk", () => {
    const detail = "FATAL:  could not create shared memory segment: No space left on device";
    expect(explained(detail)).toMatchObject({ message: "postgres: no shared memory left (see ipcs -m)" });
  });

  it("names a port that is in use", () => {
    const detail = 'LOG:  could not bind IPv4 address "127.0.0.1": Address already in use';
    expect(explained(detail)).toMatchObject({ message: "postgres: port 5432 is in use" });
  });

  it("returns an error that it cannot explain", () => {
    const error = new ServerError("ended", { detail: "Segmentation fault" });
    expect(explainStart(error, server)).toBe(error);
  });
});

describe("telling", () => {
  it("prefers the line that Postgres calls fatal to the last line", () => {
    const output =
      "2026 UTC [1] LOG:  a\n2026 UTC [1] FATAL:  lock file is empty\n2026 UTC [1] LOG:  database system is shut down\n";
    expect(telling(output)).toBe("FATAL:  lock file is empty");
  });

  it("takes the last line of any other output", () => {
    expect(telling("one\ntwo\n\n")).toBe("two");
    expect(telling("")).toBe("");
  });
});
