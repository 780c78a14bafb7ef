import { data } from "./data.js";
import { http } from "./http.js";
import { jobs } from "./jobs.js";
import { limits } from "./limits.js";
import { resilience } from "./resilience.js";
import type { CatalogueRow } from "./row.js";
import { work } from "./work.js";

/** Groups of the catalogue, in the order of pages and dashboards. */
export const groups: readonly {
  readonly title: string;
  readonly name: string;
  readonly rows: readonly CatalogueRow[];
}[] = [
  { title: "HTTP and tenants", name: "http", rows: http },
  { title: "Limits and quotas", name: "limits", rows: limits },
  { title: "Cache and database", name: "data", rows: data },
  { title: "Breakers, shedding and flags", name: "resilience", rows: resilience },
  { title: "Queues, streams and health", name: "jobs", rows: jobs },
  { title: "Models, errors and process", name: "work", rows: work },
];

/** Every metric that `createMetrics` defines. */
export const catalogue: readonly CatalogueRow[] = groups.flatMap(({ rows }) => rows);
