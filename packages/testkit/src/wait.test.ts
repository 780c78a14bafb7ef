import { describe, expect, it } from "vitest";
import { waitUntil } from "./wait.js";

describe("waitUntil", () => {
  it("asks again until the answer is true", async () => {
    let asked = 0;
    await waitUntil(() => ++asked === 3, { what: "three", everyMs: 1 });
    expect(asked).toBe(3);
  });

  it("names what it waited for, and the last failure", async () => {
    const cause = new Error("refused");
    const wait = waitUntil(() => Promise.reject(cause), { what: "an answer", timeoutMs: 5, everyMs: 1 });
    await expect(wait).rejects.toMatchObject({ name: "ServerError", message: "an answer: not within 5 ms", cause });
  });
});
