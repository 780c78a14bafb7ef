import type { ServerResponse } from "node:http";
import { expect, it } from "vitest";
import { problem } from "../../problem.js";
import type { AdapterFixture } from "../fixture.js";

/**
 * Runs a request whose response was written before its guard refuses.
 * @returns the received response, or the error of a connection that was closed
 */
async function refuseBehind(fixture: AdapterFixture, before: (response: ServerResponse) => void) {
  let isWritten = false;
  fixture.routes.before = (response) => {
    isWritten = true;
    before(response);
  };
  fixture.guard = async () => ({ reply: problem({ title: "No", status: 403 }) });
  const received = await fixture.get("/").catch((error: unknown) => error);
  fixture.routes.before = () => undefined;
  return { received, isWritten };
}

/** An adapter whose framework creates the response after the guard sends the refusal in both cases. */
export function testBegunResponse(fixture: AdapterFixture): void {
  it("closes the connection for a refusal after the response has begun, so that no client waits", async () => {
    const { received, isWritten } = await refuseBehind(fixture, (response) => {
      response.writeHead(200, { "content-type": "text/plain" }).write("the first part");
    });
    expect(received).toMatchObject(isWritten ? { code: "ECONNRESET" } : { status: 403 });
    expect(fixture.routes.calls).toBe(0);
    fixture.guard = () => ({});
    expect((await fixture.get("/")).status).toBe(200);
  });

  it("leaves a response whole that was complete before the refusal", async () => {
    const { received, isWritten } = await refuseBehind(fixture, (response) => {
      response.writeHead(200, { "content-type": "text/plain" }).end("the whole");
    });
    expect(received).toMatchObject(isWritten ? { status: 200, text: "the whole" } : { status: 403 });
    expect(fixture.routes.calls).toBe(0);
  });
}
