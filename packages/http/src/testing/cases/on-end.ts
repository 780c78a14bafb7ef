import { expect, it, onTestFinished, vi } from "vitest";
import { chain } from "../../chain.js";
import { problem } from "../../problem.js";
import type { HttpGuard, ResponseEnd, Verdict } from "../../types.js";
import { type AdapterFixture, verdict } from "../fixture.js";
import { abortBeforeResponse, abortResponse, disconnectSeen, open } from "../client.js";
import { holdStreams } from "../routes.js";

type OnEnd = NonNullable<Verdict["onEnd"]>;

interface WatchedEnd {
  readonly onEnd: OnEnd;
  readonly calls: () => number;
  /** Resolves with the first call of `onEnd`. */
  readonly ended: Promise<ResponseEnd>;
}

function watchOnEnd(): WatchedEnd {
  let calls = 0;
  let resolveEnded = (_end: ResponseEnd): void => undefined;
  const ended = new Promise<ResponseEnd>((resolve) => {
    resolveEnded = resolve;
  });
  const onEnd = (end: ResponseEnd): void => {
    calls += 1;
    resolveEnded(end);
  };
  return { onEnd, calls: () => calls, ended };
}

const denied: Verdict = { reply: problem({ title: "No", status: 403 }) };

/**
 * Runs a request with the guard, waits for `onEnd`, and checks after a second request that it ran once.
 * @returns the end that the guard saw
 */
async function expectOneEnd(
  fixture: AdapterFixture,
  guard: (onEnd: OnEnd) => HttpGuard,
  { path = "/", method = "GET" }: { path?: string; method?: string } = {},
): Promise<ResponseEnd> {
  const { onEnd, calls, ended } = watchOnEnd();
  fixture.guard = guard(onEnd);
  await fixture.get(path, { method });
  const end = await ended;
  fixture.guard = () => ({});
  await fixture.get("/");
  expect(calls()).toBe(1);
  return end;
}

/** The framework answers the error, and the adapter may not see the response. */
const UNANSWERED = [
  { status: 500, complete: true },
  { status: undefined, complete: false },
];

export function testOnEnd(fixture: AdapterFixture): void {
  it.each([
    ["with a body", { path: "/" }, 200],
    ["without a body", { path: "/redirect" }, 302],
    ["to HEAD", { path: "/", method: "HEAD" }, 200],
    ["with the problem of a handler", { path: "/error/input" }, 400],
    ["with a streamed body", { path: "/stream" }, 200],
  ])("calls onEnd once with the status of a response %s", async (_, request, status) => {
    const tenant = { tenantId: "acme" };
    const sent = { status, complete: true };
    expect(await expectOneEnd(fixture, (onEnd) => () => ({ onEnd, tenant }), request)).toEqual(sent);
    const passed = (onEnd: OnEnd) => async (): Promise<Verdict> => ({ ...verdict, onEnd });
    expect(await expectOneEnd(fixture, passed, request)).toEqual(sent);
  });

  it("calls onEnd once after a handler failed", async () => {
    const end = await expectOneEnd(fixture, (onEnd) => () => ({ onEnd }), { path: "/error/unknown" });
    expect(UNANSWERED).toContainEqual(end);
  });

  it("calls onEnd when the verdict cannot be applied", async () => {
    const split = { "x-echo": "a\r\n" };
    expect(UNANSWERED).toContainEqual(await expectOneEnd(fixture, (onEnd) => () => ({ onEnd, headers: split })));
    const invalid = { tenantId: "" };
    expect(await expectOneEnd(fixture, (onEnd) => () => ({ onEnd, tenant: invalid }))).toEqual({
      status: 400,
      complete: true,
    });
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
    const refused = { status: 403, complete: true };
    expect(await expectOneEnd(fixture, (onEnd) => () => ({ ...denied, onEnd }))).toEqual(refused);
    expect(await expectOneEnd(fixture, (onEnd) => chain(() => ({ onEnd }), deny))).toEqual(refused);
    const unknown = { status: undefined, complete: false };
    expect(await expectOneEnd(fixture, (onEnd) => chain(() => ({ onEnd }), broken))).toEqual(unknown);
    const malformed: HttpGuard = () => ({
      get headers(): never {
        throw new Error("broken headers");
      },
    });
    await expectOneEnd(fixture, (onEnd) => chain(() => ({ onEnd }), malformed));
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
    expect(await ended).toEqual({ status: 200, complete: false });
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
    let disconnected: Promise<void> | undefined;
    const reached = new Promise<void>((resolve) => {
      fixture.guard = async ({ raw }) => {
        disconnected = disconnectSeen(raw);
        resolve();
        await decided;
        return { ...late, onEnd };
      };
    });
    await abortBeforeResponse(fixture.url("/"), reached);
    fixture.guard = () => ({});
    // Waits for the server, not for a moment: another connection may be served before the end of this one is noticed.
    await disconnected;
    release();
    expect(await ended).toEqual({ status: undefined, complete: false });
    await fixture.get("/");
    expect(calls()).toBe(1);
  });
}
