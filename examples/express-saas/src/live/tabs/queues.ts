import type { TabData } from "@scale/dashboard";
import type { JobsFacts } from "../live-data.js";

/** Depth of the queue, and the wait of the quiet tenants beside that of the noisy one. */
export function queuesTab({
  store,
  depth,
  noisyTenant,
  quietWaitMs,
  noisyWaitMs,
  tenants,
  jobs,
  streams,
}: JobsFacts): TabData {
  return {
    tiles: [
      {
        label: "Jobs waiting",
        value: depth?.waiting ?? "–",
        note: depth === undefined ? `${store} does not answer` : `${depth.active} running, ${depth.delayed} delayed`,
      },
      { label: "Wait of quiet tenants, p95", value: waitText(quietWaitMs), note: "last 60 s" },
      {
        label: "Wait of the noisy tenant, p95",
        value: waitText(noisyWaitMs),
        note: noisyTenant ?? "no tenant is noisy",
      },
      { label: "Dead letters", value: depth?.dead ?? "–", note: `${depth?.outbox ?? 0} in the outbox` },
      { label: "Open streams", value: streams.connections, note: `${streams.published} events in 60 s` },
    ],
    tables: [
      {
        caption: "Tenants with the most jobs, last 60 seconds",
        columns: ["Tenant", "Waiting", "Started", "Wait, p95"],
        rows: tenants.map(({ tenantId, waiting, started, waitMs }) => [tenantId, waiting, started, waitText(waitMs)]),
      },
      {
        caption: "Jobs since the start",
        columns: ["Job", "Finished", "Failed", "Tried again"],
        rows: jobs.map(({ job, finished, failed, retried }) => [job, finished, failed, retried]),
      },
    ],
  };
}

const waitText = (ms: number | null): string =>
  ms === null ? "–" : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
