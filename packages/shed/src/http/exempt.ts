import { systemClock } from "@scale/core";
import type { HttpFacts } from "@scale/http";

/** Paths that probes ask. Not below any path: `/contacts/health` may be the contact of that name. */
const PROBE_PATH = /^\/(?:api\/)?(?:health|healthz|livez|readyz|startupz)(?:\/[a-z]+)?\/?$/u;

/** True for a probe of the process, by its path: a process that sheds load is alive. Every client can send such a request. */
export function isProbe(facts: HttpFacts): boolean {
  const [path = ""] = facts.url.split("?", 1);
  return (facts.method === "GET" || facts.method === "HEAD") && PROBE_PATH.test(path);
}

/** Probes that are exempt in a second: far more than balancers and orchestrators send. */
const PROBES_PER_SECOND = 100;

/** `isProbe` with a bound, because every client can send probes, and a route for all paths would handle them. */
export function boundedProbes(): (facts: HttpFacts) => boolean {
  let second = Number.NaN;
  let exempted = 0;
  return (facts) => {
    if (!isProbe(facts)) return false;
    const now = Math.floor(systemClock.monotonic() / 1000);
    if (now !== second) [second, exempted] = [now, 0];
    exempted += 1;
    return exempted <= PROBES_PER_SECOND;
  };
}
