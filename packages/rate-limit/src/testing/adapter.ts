import { afterEach, describe } from "vitest";
import { testExemptions, testHangUps, testMissingSubjects } from "./adapter/attacks.js";
import { testCallbacks } from "./adapter/callbacks.js";
import { testChargeFailures, testChargeWhen } from "./adapter/charge-when.js";
import type { LimitedRoutes, StartLimited } from "./adapter/fixture.js";
import { testLimits, testSlots, testStoreFailure, testUpgrade } from "./adapter/limits.js";
import { testSeveralGuards } from "./adapter/several-guards.js";

export type { LimitedRoutes } from "./adapter/fixture.js";

/**
 * The responses of every adapter on the wire, to the byte.
 * @param serve starts a real server with the guards of `routes` in front of every route, in their order. A guard before them takes
 * the tenant from the header `x-tenant-id`, which is marked as authenticated. The server answers errors of `@scale` packages with their problem, and all others
 * with 500.
 */
export function describeRateLimitAdapter(
  name: string,
  serve: (routes: LimitedRoutes) => Promise<{ url: string; close(): Promise<void> }>,
): void {
  describe(`rate limit adapter: ${name}`, () => {
    let close = async (): Promise<void> => undefined;
    afterEach(async () => {
      await close();
      close = async () => undefined;
    });
    const start: StartLimited = async (guards, handle = async () => "ok") => {
      const server = await serve({ guards, handle });
      close = () => server.close();
      const send = (tenantId: string, headers: Record<string, string> = {}, init: RequestInit = {}) =>
        fetch(server.url, { ...init, headers: { "x-tenant-id": tenantId, ...headers } });
      return Object.assign(send, { url: server.url });
    };

    testLimits(start);
    testUpgrade(start);
    testSlots(start);
    testStoreFailure(start);
    testCallbacks(start);
    testSeveralGuards(start);
    testChargeWhen(start);
    testChargeFailures(start);
    testHangUps(start);
    testExemptions(start);
    testMissingSubjects(start);
  });
}
