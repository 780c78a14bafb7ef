import { createDashboard, type Dashboard, type DashboardOptions, type DashboardSource } from "@scale/dashboard";
import type { BreakIt } from "../break-it/actions.js";
import type { RequestComparison } from "../traffic/comparison.js";
import type { LiveData } from "./live-data.js";
import type { OperatorLogin } from "./operator-login.js";
import { tabsOf } from "./tabs/index.js";

export interface LiveDashboardParts extends Pick<DashboardOptions, "health"> {
  /** Requests, latencies and common tabs, from `@scale/metrics`. */
  readonly source: DashboardSource;
  readonly facts: () => LiveData;
  /** `undefined` without the app that runs without the packages. */
  readonly comparison: RequestComparison | undefined;
  readonly breakIt: BreakIt;
  readonly isOperator: OperatorLogin["isOperator"];
}

/** The live page: requests of `@scale/metrics`, facts of this product, and buttons that break it. */
export function createLiveDashboard(parts: LiveDashboardParts): Dashboard {
  const { source, facts, comparison, breakIt, isOperator, health } = parts;
  return createDashboard({
    title: "Example CRM",
    source: {
      ...source,
      async read() {
        const data = await source.read();
        return {
          ...data,
          tabs: tabsOf(facts(), data.tabs),
          ...(comparison !== undefined && { comparison: comparison.read() }),
        };
      },
    },
    ...(health !== undefined && { health }),
    authorize: isOperator,
    actions: { title: "Break it", authorize: isOperator, list: breakIt.actions },
  });
}
