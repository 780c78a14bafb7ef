import { afterAll, beforeAll, beforeEach, describe } from "vitest";
import type { HttpGuard } from "../types.js";
import type { AdapterFixture } from "./fixture.js";
import { send } from "./client.js";
import { tellsTheEarlyEnd, tellsTheEnd } from "./cases/ended.js";
import type { TestServer } from "./test-server.js";
import { type ContractRoutes, createRoutes } from "./routes.js";
import { carriesTheTenant, pipelines, streams, survivesAborts } from "./cases/tenant.js";
import { denies, fails, keepsHeadersWhole, passes, tellsFacts } from "./cases/verdict.js";

/**
 * Starts a real server on a free port with `guard` in front of the routes. It answers errors of `@scale` packages with
 * their problem and all others with 500, in the way of its framework.
 */
export type ServeAdapter = (guard: HttpGuard, routes: ContractRoutes) => Promise<TestServer>;

/** What every bridge from a guard to a framework does, on the wire and to its handlers. */
export function describeHttpAdapter(name: string, serve: ServeAdapter): void {
  describe(`HTTP adapter: ${name}`, () => {
    const routes = createRoutes();
    let home: TestServer;
    const bench: AdapterFixture = {
      guard: () => ({}),
      routes,
      url: (path) => home.url + path,
      get: (path, what) => send(home.url + path, what),
    };
    beforeAll(async () => {
      home = await serve((facts) => bench.guard(facts), routes);
    });
    afterAll(() => home.close());
    beforeEach(() => {
      bench.guard = () => ({});
      routes.calls = 0;
      routes.gate = Promise.resolve();
    });

    passes(bench);
    tellsFacts(bench);
    denies(bench);
    fails(bench);
    keepsHeadersWhole(bench);
    carriesTheTenant(bench);
    streams(bench);
    pipelines(bench);
    survivesAborts(bench);
    tellsTheEnd(bench);
    tellsTheEarlyEnd(bench);
  });
}
