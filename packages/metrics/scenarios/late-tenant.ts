import { createManualClock } from "@scale/core/testing";
import { seededRandom } from "@scale/testkit";
import { createMetrics } from "../src/index.js";

export interface LateTenantResult {
  /** Milliseconds from its first event until the late tenant had a series of its own; `undefined` when it had none. */
  readonly visibleAfterMs: number | undefined;
  readonly windowMs: number;
  /** Ids of the tenants of all events, in their order, for a peer to be given the same. */
  readonly events: number;
}

const HOUR_MS = 3_600_000;
const WINDOW_MS = 15_000;
const PER_SECOND = 20;
const TENANTS = 100_000;

/**
 * An hour of traffic of 100,000 tenants, few of them heavy, and then one that was never there before sends a tenth of
 * everything.
 * @param also called with the tenant of each event
 */
export function lateTenant(seed: number, also: (tenantId: string) => void = () => undefined): LateTenantResult {
  const random = seededRandom(seed);
  const clock = createManualClock();
  const metrics = createMetrics({ tenants: { max: 100, window: WINDOW_MS }, events: false, process: false, clock });
  const requests = metrics.tenants.counter({ name: "requests_total", help: "Requests." }).bind({});
  const stepMs = 1000 / PER_SECOND;
  let events = 0;
  const send = (tenantId: string): void => {
    clock.advance(stepMs);
    requests.inc(tenantId);
    also(tenantId);
    events++;
  };
  const anyone = (): string => `tenant-${Math.floor(TENANTS ** random())}`;
  const beginsAt = HOUR_MS + random() * WINDOW_MS;
  while (clock.monotonic() < beginsAt) send(anyone());
  const begun = clock.monotonic();
  let visibleAfterMs: number | undefined;
  while (clock.monotonic() - begun < WINDOW_MS) {
    send(random() < 0.1 ? "late" : anyone());
    if (visibleAfterMs === undefined && metrics.tenant("late") !== undefined)
      visibleAfterMs = clock.monotonic() - begun;
  }
  return { visibleAfterMs, windowMs: WINDOW_MS, events };
}
