export { catalogue, groups } from "./rows.js";
export type { CatalogueRow } from "./row.js";
