export type { ActionCall, ActionsOptions, OperatorAction } from "./actions/types.js";
export { sourceFail, type SourceFailed } from "./channels.js";
export { createDashboard, type Dashboard } from "./dashboard.js";
export type { DashboardOptions, HealthSource } from "./options.js";
export { storyOf } from "./story.js";
export type {
  ActionState,
  ComparedRequests,
  Comparison,
  DashboardData,
  DashboardSource,
  DependencyState,
  FeedEvent,
  Incident,
  Latency,
  RequestCounts,
  SecondCounts,
  Snapshot,
  Story,
  TabData,
  Table,
  TabName,
  TenantCounts,
  TenantDecision,
  TenantDetails,
  Tile,
} from "./types.js";
