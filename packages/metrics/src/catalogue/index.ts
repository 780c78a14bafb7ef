export { type Alert, alerts } from "./alerts.js";
export { type Dashboard, dashboards, type Panel } from "./panels.js";
export { catalogue, groups } from "./rows.js";
export type { CatalogueRow } from "./row.js";
