import { expect, it, onTestFinished, vi } from "vitest";
import { chain } from "../../chain.js";
import { problem } from "../../problem.js";
import type { HttpGuard, Verdict } from "../../types.js";
import { type AdapterFixture, verdict } from "../fixture.js";
import { abortBeforeResponse, abortResponse, open } from "../client.js";
import { holdStreams } from "../routes.js";

interface WatchedEnd {
  readonly onEnd: () => void;
  readonly calls: () => number;
  /** Resolves with the first call of `onEnd`. */
  readonly ended: Promise<void>;
}

function watchOnEnd(): WatchedEnd {
  let calls = 0;
  let resolveEnded = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    resolveEnded = resolve;
  });
  const onEnd = (): void => {
    calls += 1;
    resolveEnded();
  };
  return { onEnd, calls: () => calls, ended };
}

const denied: Verdict = { reply: problem({ title: "No", status: 403 }) };

/** Runs a request with the guard, waits for `onEnd`, and checks after a second request that it ran once. */
async function expectOneEnd(
  fixture: AdapterFixture,
  guard: (onEnd: () => void) => HttpGuard,
  { path = "/", method = "GET" }: { path?: string; method?: string } = {},
): Promise<void> {
  const { onEnd, calls, ended } = watchOnEnd();
  fixture.guard = guard(onEnd);
  await fixture.get(path, { method });
  await ended;
  fixture.guard = () => ({});
  await fixture.get("/");
  expect(calls()).toBe(1);
}

export function testOnEnd(fixture: AdapterFixture): void {
  it.each([
    ["with a body", "GET", "/"],
    ["without a body", "GET", "/redirect"],
    ["to HEAD", "HEAD", "/"],
    ["with the problem of a handler", "GET", "/error/input"],
    ["after a handler failed", "GET", "/error/unknown"],
    ["with a streamed body", "GET", "/stream"],
  ])("calls onEnd once for a response %s", async (_, method, path) => {
    const tenant = { tenantId: "acme" };
    await expectOneEnd(fixture, (onEnd) => () => ({ onEnd, tenant }), { path, method });
    await expectOneEnd(fixture, (onEnd) => async () => ({ ...verdict, onEnd }), { path, method });
  });

  it("calls onEnd when the verdict cannot be applied", async () => {
    await expectOneEnd(fixture, (onEnd) => () => ({ onEnd, headers: { "x-echo": "a\r\n" } }));
    await expectOneEnd(fixture, (onEnd) => () => ({ onEnd, tenant: { tenantId: "" } }));
  });
}

export function testOnEndOfChain(fixture: AdapterFixture): void {
  const deny: HttpGuard = () => denied;
  const broken: HttpGuard = () => Promise.reject(new Error("broken"));
  const failing: HttpGuard = () => ({
    onEnd: () => {
      throw new Error("ended badly");
    },
  });

  it("calls onEnd of a guard that replied, and of one before a guard that replied or threw", async () => {
    await expectOneEnd(fixture, (onEnd) => () => ({ ...denied, onEnd }));
    await expectOneEnd(fixture, (onEnd) => chain(() => ({ onEnd }), deny));
    await expectOneEnd(fixture, (onEnd) => chain(() => ({ onEnd }), broken));
  });

  it("calls onEnd of every guard in a chain, also when another one throws", async () => {
    // Replaced, so that the suite of a working adapter prints no warning.
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    onTestFinished(() => warn.mockRestore());
    await expectOneEnd(fixture, (onEnd) => chain(failing, () => ({ onEnd })));
    await vi.waitFor(() => expect(warn).toHaveBeenCalledWith(new Error("ended badly")));
  });
}

export function testEarlyEnd(fixture: AdapterFixture): void {
  it("does not call onEnd while the body is being sent", async () => {
    const release = holdStreams(fixture.routes);
    const { onEnd, calls, ended } = watchOnEnd();
    fixture.guard = () => ({ onEnd });
    const response = await open(fixture.url("/stream"));
    fixture.guard = () => ({});
    await fixture.get("/");
    expect(calls()).toBe(0);
    release();
    response.resume();
    await ended;
    expect(calls()).toBe(1);
  });

  it.each<[string, Verdict]>([
    ["with a tenant", { tenant: { tenantId: "acme" } }],
    ["without a tenant", {}],
  ])("calls onEnd when the client disconnects during the body %s", async (_, passed) => {
    holdStreams(fixture.routes);
    const { onEnd, calls, ended } = watchOnEnd();
    fixture.guard = () => ({ ...passed, onEnd });
    const response = await open(fixture.url("/stream"));
    fixture.guard = () => ({});
    await abortResponse(response);
    await ended;
    await fixture.get("/");
    expect(calls()).toBe(1);
  });
}

export function testEndBeforeVerdict(fixture: AdapterFixture): void {
  it.each<[string, Verdict]>([
    ["passes", {}],
    ["denies", denied],
  ])("calls onEnd when the client disconnected before the guard %s", async (_, late) => {
    const { onEnd, calls, ended } = watchOnEnd();
    let release = (): void => undefined;
    const decided = new Promise<void>((resolve) => {
      release = resolve;
    });
    const reached = new Promise<void>((resolve) => {
      fixture.guard = async () => {
        resolve();
        await decided;
        return { ...late, onEnd };
      };
    });
    await abortBeforeResponse(fixture.url("/"), reached);
    fixture.guard = () => ({});
    // One round trip: then the server has seen that the other connection is closed.
    await fixture.get("/");
    release();
    await ended;
    await fixture.get("/");
    expect(calls()).toBe(1);
  });
}
