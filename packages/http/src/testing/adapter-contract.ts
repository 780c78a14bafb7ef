import { afterAll, beforeAll, beforeEach, describe } from "vitest";
import type { HttpGuard } from "../types.js";
import type { AdapterFixture } from "./fixture.js";
import { send } from "./client.js";
import { testBegunResponse } from "./cases/begun-response.js";
import { testCaching } from "./cases/caching.js";
import { testHangUp, testHolds } from "./cases/holds.js";
import { testEarlyEnd, testEndBeforeVerdict, testOnEnd, testOnEndOfChain } from "./cases/on-end.js";
import type { TestServer } from "./test-server.js";
import { type ContractRoutes, createRoutes } from "./routes.js";
import { testTargets } from "./cases/targets.js";
import { testTenant, testPipelining, testStreaming, testAborts } from "./cases/tenant.js";
import {
  testDenial,
  testErrors,
  testFacts,
  testGuardMistakes,
  testHeaderInjection,
  testPass,
} from "./cases/verdict.js";

/**
 * Starts a real server on a free port with `guard` in front of the routes. The server answers errors of `@scale` packages
 * with their problem and all others with 500, as its framework does.
 */
export type ServeAdapter = (guard: HttpGuard, routes: ContractRoutes) => Promise<TestServer>;

/** The contract of an adapter: its responses over real sockets, and the context of its handlers. */
export function describeHttpAdapter(name: string, serve: ServeAdapter): void {
  describe(`HTTP adapter: ${name}`, () => {
    const routes = createRoutes();
    let server: TestServer;
    const fixture: AdapterFixture = {
      guard: () => ({}),
      routes,
      url: (path) => server.url + path,
      get: (path, what) => send(server.url + path, what),
    };
    beforeAll(async () => {
      server = await serve((facts) => fixture.guard(facts), routes);
    });
    afterAll(() => server.close());
    beforeEach(() => {
      fixture.guard = () => ({});
      routes.calls = 0;
      routes.gate = Promise.resolve();
      routes.slowGate = Promise.resolve();
      routes.before = () => undefined;
    });

    testPass(fixture);
    testFacts(fixture);
    testDenial(fixture);
    testBegunResponse(fixture);
    testGuardMistakes(fixture);
    testErrors(fixture);
    testHeaderInjection(fixture);
    testTenant(fixture);
    testStreaming(fixture);
    testPipelining(fixture);
    testAborts(fixture);
    testOnEnd(fixture);
    testOnEndOfChain(fixture);
    testEarlyEnd(fixture);
    testEndBeforeVerdict(fixture);
    testHolds(fixture);
    testHangUp(fixture);
    testTargets(fixture);
    testCaching(fixture);
  });
}
