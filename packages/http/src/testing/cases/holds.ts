import { expect, it } from "vitest";
import { chain } from "../../chain.js";
import { problem } from "../../problem.js";
import type { Hold, HttpGuard } from "../../types.js";
import { abortBeforeResponse, abortResponse, disconnectSeen, open } from "../client.js";
import type { AdapterFixture } from "../fixture.js";
import { holdSlow, holdStreams } from "../routes.js";

interface WatchedHold {
  readonly hold: Hold;
  readonly released: () => number;
  /** Resolves with the first release. */
  readonly ended: Promise<void>;
}

function watchHold(): WatchedHold {
  let released = 0;
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const release = (): void => {
    released += 1;
    end();
  };
  return { hold: { release, letExpire: () => undefined }, released: () => released, ended };
}

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

export function testHolds(fixture: AdapterFixture): void {
  it.each([
    ["with a body", "/", "GET"],
    ["without a body", "/redirect", "GET"],
    ["to HEAD", "/", "HEAD"],
    ["with the problem of a handler", "/error/input", "GET"],
    ["with an error that the framework answers", "/error/unknown", "GET"],
    ["with a streamed body", "/stream", "GET"],
  ])("releases what a guard holds once, after a response %s", async (_, path, method) => {
    for (const tenant of [undefined, { tenantId: "acme" }]) {
      const { hold, released, ended } = watchHold();
      fixture.guard = () => ({ holds: [hold], ...(tenant && { tenant }) });
      await fixture.get(path, { method });
      await ended;
      fixture.guard = () => ({});
      await fixture.get("/");
      expect(released()).toBe(1);
    }
  });

  it("releases what a guard holds when it replies, and when a later guard replies or throws", async () => {
    const reply = problem({ title: "No", status: 403 });
    const later: readonly HttpGuard[] = [() => ({ reply }), () => Promise.reject(new Error("broken"))];
    for (const guard of later) {
      const { hold, released, ended } = watchHold();
      fixture.guard = chain(() => ({ holds: [hold] }), guard);
      expect((await fixture.get("/")).status).toBeGreaterThanOrEqual(400);
      await ended;
      expect(released()).toBe(1);
    }
    const { hold, released } = watchHold();
    fixture.guard = () => ({ holds: [hold], reply });
    expect((await fixture.get("/")).status).toBe(403);
    expect(released()).toBe(1);
  });

  it("holds while the body of a response is produced, and releases when the client disconnects", async () => {
    const letGo = holdStreams(fixture.routes);
    const { hold, released, ended } = watchHold();
    fixture.guard = () => ({ holds: [hold] });
    const response = await open(fixture.url("/stream"));
    fixture.guard = () => ({});
    await fixture.get("/");
    expect(released()).toBe(0);
    await abortResponse(response);
    letGo();
    await ended;
    expect(released()).toBe(1);
  });
}

export function testHangUp(fixture: AdapterFixture): void {
  it("holds until the handler has ended, although its client has disconnected long ago", async () => {
    const letGo = holdSlow(fixture.routes);
    const { hold, released, ended } = watchHold();
    let left: Promise<void> | undefined;
    fixture.guard = ({ raw }) => {
      left = disconnectSeen(raw);
      return { holds: [hold] };
    };
    const running = (async () => {
      while (fixture.routes.slowRunning === 0) await turn();
    })();
    await abortBeforeResponse(fixture.url("/slow"), running);
    await left;
    fixture.guard = () => ({});
    for (let i = 0; i < 3; i++) await fixture.get("/");
    expect([fixture.routes.slowRunning, released()]).toEqual([1, 0]);
    letGo();
    await ended;
    expect([fixture.routes.slowRunning, released()]).toEqual([0, 1]);
  });
}
