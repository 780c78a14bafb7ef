export { sourceFail, type SourceFailed } from "./channels.js";
export { createDashboard, type Dashboard } from "./dashboard.js";
export type { DashboardOptions, HealthSource } from "./options.js";
export { storyOf } from "./story.js";
export type {
  DashboardData,
  DashboardSource,
  DependencyState,
  FeedEvent,
  Latency,
  RequestCounts,
  SecondCounts,
  Snapshot,
  Story,
  TabData,
  Table,
  TabName,
  TenantCounts,
  TenantDetails,
  Tile,
} from "./types.js";
