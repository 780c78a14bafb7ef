import { describeValue, parseTenantId } from "@scale/core/kit";
import { Admissions } from "./admission/admissions.js";
import { OverloadError } from "./errors.js";
import { parseShedderOptions, type ShedderOptions } from "./options.js";
import type { Admission, AdmitRequest, ShedStats } from "./types.js";

export interface Shedder {
  readonly name: string;
  /**
   * Decides whether work may begin: at once when there is room, or refused at once when it is not to be expected in time;
   * otherwise after a wait in the queue of the tenant.
   * @throws {TenantError} for an invalid tenant id
   * @throws {TypeError} for a cost that is not an integer >= 1, a `waitMs` below 0, or a share that is none
   */
  admit(request: AdmitRequest): Admission | Promise<Admission>;
  /**
   * Runs work when it is admitted, and gives the room back when the work has ended.
   * @throws {OverloadError} when it is refused
   */
  run<T>(request: AdmitRequest, work: () => T | PromiseLike<T>): Promise<T>;
  stats(): ShedStats;
  /** Refuses what waits, and ends the measuring of the event loop. Later requests are admitted. */
  close(): void;
}

/** Admits as much work as the process handles, and refuses the excess of each tenant over its share first. */
export function createShedder(options: ShedderOptions = {}): Shedder {
  const admissions = new Admissions(parseShedderOptions(options));
  const admit = (request: AdmitRequest): Admission | Promise<Admission> => admissions.admit(checked(request));
  return {
    name: admissions.name,
    admit,
    async run(request, work) {
      const admission = await admit(request);
      if (!admission.admitted) throw new OverloadError(admission);
      try {
        return await work();
      } finally {
        admission.release();
      }
    },
    stats: () => admissions.stats(),
    close: () => admissions.close(),
  };
}

function checked(request: AdmitRequest): AdmitRequest {
  const { tenantId, cost = 1, waitMs = 0, priority = "normal" } = request;
  parseTenantId(tenantId);
  if (!Number.isSafeInteger(cost) || cost < 1) {
    throw new TypeError(`admit: cost: expected an integer >= 1, got ${describeValue(cost)}`);
  }
  if (typeof waitMs !== "number" || !(waitMs >= 0)) {
    throw new TypeError(`admit: waitMs: expected a number >= 0, got ${describeValue(waitMs)}`);
  }
  if (priority !== "normal" && priority !== "high" && priority !== "low") {
    throw new TypeError(`admit: priority: expected "high", "normal" or "low", got ${describeValue(priority)}`);
  }
  return request;
}
