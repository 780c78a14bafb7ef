import type { HttpFacts } from "@scale/http";
import type { Shedder } from "@scale/shed";
import { degradation } from "@scale/shed/express";
import { Router } from "express";
import { adminOnly, createTokenCheck } from "./admin.js";
import type { CrmFlags } from "./flags.js";
import type { CrmJobs } from "./jobs/start.js";
import type { RatesClient } from "./rates/client.js";
import type { RatesService } from "./rates/service.js";
import { BURST_REQUESTS, sendBurst } from "./traffic/burst.js";

/** The service of exchange rates, and the client that calls it. */
export interface RatesParts {
  readonly client: RatesClient;
  readonly service: Pick<RatesService, "isStuck">;
}

export interface DegradationParts {
  readonly rates: RatesParts;
  readonly flags: CrmFlags;
  readonly shedder: Shedder;
  readonly jobs: Pick<CrmJobs, "burst">;
}

/**
 * Shows and controls breakers, flags and the shedder, and breaks things on request, for callers with the admin token.
 * Mount it at `/api/degradation`.
 */
export function degradationAdmin({ rates, flags, shedder, jobs }: DegradationParts, token: string): Router {
  const hasToken = createTokenCheck(token);
  const authorize = ({ header }: HttpFacts): boolean => hasToken(header("authorization"));
  const routes = Router();
  routes.post("/rates/:action", adminOnly(token), (request, response, next) => {
    const { action } = request.params;
    if (action !== "stop" && action !== "start") return next();
    rates.service.isStuck = action === "stop";
    response.json({ isStuck: rates.service.isStuck });
  });
  routes.post("/burst", adminOnly(token), ({ socket }, response) => {
    void sendBurst(`http://127.0.0.1:${socket.localPort}`);
    response.status(202).json({ requests: BURST_REQUESTS });
  });
  routes.post("/jobs/burst", adminOnly(token), async (_request, response) => {
    response.status(202).json({ jobs: await jobs.burst() });
  });
  routes.use(degradation({ authorize, breakers: [rates.client.breaker], flags, shedder }));
  return routes;
}
