import { expect, it } from "vitest";
import { chain } from "../../chain.js";
import { problem } from "../../problem.js";
import type { HttpGuard, Verdict } from "../../types.js";
import { type AdapterFixture, verdict } from "../fixture.js";
import { abandon, leave, open } from "../client.js";
import { hold } from "../routes.js";

/** An `ended` that counts, and tells when it was called. */
function watched(): { ended: () => void; calls: () => number; over: Promise<void> } {
  let calls = 0;
  let tell = (): void => undefined;
  const over = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const ended = (): void => {
    calls += 1;
    tell();
  };
  return { ended, calls: () => calls, over };
}

const denied: Verdict = { reply: problem({ title: "No", status: 403 }) };

export function tellsTheEnd(bench: AdapterFixture): void {
  /** Answers with `guard`, waits for the end, and sees with a second request that it was told once. */
  async function endsOnce(guard: (ended: () => void) => HttpGuard, path: string, method = "GET"): Promise<void> {
    const { ended, calls, over } = watched();
    bench.guard = guard(ended);
    await bench.get(path, { method });
    await over;
    bench.guard = () => ({});
    await bench.get("/");
    expect(calls()).toBe(1);
  }

  it.each([
    ["was sent", "GET", "/"],
    ["has no body", "GET", "/redirect"],
    ["answers HEAD", "HEAD", "/"],
    ["is a handler's problem", "GET", "/error/input"],
    ["is a handler's failure", "GET", "/error/unknown"],
    ["was streamed", "GET", "/stream"],
  ])("tells the guard that a response is over which %s", async (_, method, path) => {
    await endsOnce((onEnd) => () => ({ onEnd, tenant: { tenantId: "acme" } }), path, method);
    await endsOnce((onEnd) => async () => ({ ...verdict, onEnd }), path, method);
  });

  it("tells a guard that replied, and one before a guard that replied or threw", async () => {
    await endsOnce((onEnd) => () => ({ ...denied, onEnd }), "/");
    await endsOnce(
      (onEnd) =>
        chain(
          () => ({ onEnd }),
          () => denied,
        ),
      "/",
    );
    const broken: HttpGuard = () => Promise.reject(new Error("broken"));
    await endsOnce((onEnd) => chain(() => ({ onEnd }), broken), "/");
  });

  it("tells it when the verdict cannot be carried out", async () => {
    await endsOnce((onEnd) => () => ({ onEnd, headers: { "x-echo": "a\r\n" } }), "/");
    await endsOnce((onEnd) => () => ({ onEnd, tenant: { tenantId: "" } }), "/");
  });

  it("tells every guard of a chain, whatever another one does", async () => {
    const warned = new Promise((resolve) => {
      process.once("warning", resolve);
    });
    const failing = (): void => {
      throw new Error("ended badly");
    };
    await endsOnce(
      (onEnd) =>
        chain(
          () => ({ onEnd: failing }),
          () => ({ onEnd }),
        ),
      "/",
    );
    expect(String(await warned)).toContain("ended badly");
  });
}

export function tellsTheEarlyEnd(bench: AdapterFixture): void {
  it("does not tell the end of a body that is still being sent", async () => {
    const release = hold(bench.routes);
    const { ended: onEnd, calls, over } = watched();
    bench.guard = () => ({ onEnd });
    const response = await open(bench.url("/stream"));
    bench.guard = () => ({});
    await bench.get("/");
    expect(calls()).toBe(0);
    release();
    response.resume();
    await over;
    expect(calls()).toBe(1);
  });

  it.each<[string, Verdict]>([
    ["for a tenant", { tenant: { tenantId: "acme" } }],
    ["for none", {}],
  ])("tells it when the client leaves in the middle of a body %s", async (_, passed) => {
    hold(bench.routes);
    const { ended: onEnd, calls, over } = watched();
    bench.guard = () => ({ ...passed, onEnd });
    const response = await open(bench.url("/stream"));
    bench.guard = () => ({});
    await leave(response);
    await over;
    await bench.get("/");
    expect(calls()).toBe(1);
  });

  it.each<[string, Verdict]>([
    ["passes", {}],
    ["denies", denied],
  ])("tells it when the client had left before the guard %s", async (_, late) => {
    const { ended: onEnd, calls, over } = watched();
    let release = (): void => undefined;
    const decided = new Promise<void>((resolve) => {
      release = resolve;
    });
    const reached = new Promise<void>((resolve) => {
      bench.guard = async () => {
        resolve();
        await decided;
        return { ...late, onEnd };
      };
    });
    await abandon(bench.url("/"), reached);
    bench.guard = () => ({});
    // One round trip: by then the server has seen the other connection close.
    await bench.get("/");
    release();
    await over;
    await bench.get("/");
    expect(calls()).toBe(1);
  });
}
