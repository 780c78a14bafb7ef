import { createServer } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { waitUntil } from "../wait.js";
import { percentile, startLoad } from "./load.js";

async function serve(status: number): Promise<{ url: string; seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(String(request.headers["x-n"]));
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  onTestFinished(() => void server.close());
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/`, seen };
}

describe("startLoad", () => {
  it("sends requests at the rate until it is stopped, and waits for the last response", async () => {
    const { url, seen } = await serve(204);
    const load = startLoad({ url, requestsPerSecond: 200, headers: (n) => ({ "x-n": `${n}` }) });
    await waitUntil(() => load.answers.length >= 10, { what: "ten responses" });
    await load.stop();
    expect(load.answers).toHaveLength(seen.length);
    expect(new Set(seen).size).toBe(seen.length);
    expect(load.answers.every(({ status, latencyMs }) => status === 204 && latencyMs > 0)).toBe(true);
  });

  it("reports status 0 for a request without a response", async () => {
    const load = startLoad({ url: "http://127.0.0.1:1/", requestsPerSecond: 200, headers: () => ({}) });
    await waitUntil(() => load.answers.length > 0, { what: "a failed request" });
    await load.stop();
    expect(new Set(load.answers.map(({ status }) => status))).toEqual(new Set([0]));
  });
});

describe("percentile", () => {
  it("takes the value at that part of the sorted values", () => {
    expect(percentile([30, 10, 20, 40], 0.5)).toBe(30);
    expect(percentile([30, 10, 20, 40], 0.99)).toBe(40);
    expect(percentile([], 0.5)).toBe(0);
  });
});
