import type { TabData, Table } from "@scale/dashboard";
import type { LiveData, NodeRow, QueueRow, RouteReason } from "../live-data.js";

const REASONS: Readonly<Record<RouteReason, string>> = {
  read: "replica: reads",
  "recent-write": "primary: the client has written, and no replica has it yet",
  pinned: "primary: asked for",
  "no-healthy-replica": "primary: no replica serves",
  conflict: "primary: the replica cancelled the read",
  "read-only-refused": "primary: a function turned out to write",
  write: "primary: writes",
  transaction: "primary: transactions",
};

/** Servers and why they serve nothing, reasons of routes, and tenants that waited for a connection of their own. */
export function databaseTab({ database }: LiveData): TabData {
  const { nodes, routes, waits, refused, rejectedTokens, isWritable } = database;
  const lags = nodes.flatMap(({ name, lagMs }) => (lagMs === null ? [] : [{ name, lagMs }]));
  const highest = lags.toSorted((a, b) => b.lagMs - a.lagMs)[0];
  return {
    tiles: [
      { label: "Writes", value: isWritable ? "accepted" : "refused" },
      {
        label: "Highest replica lag",
        value: highest === undefined ? "–" : lagText(highest.lagMs),
        note: highest?.name ?? "",
      },
      { label: "Queued for a connection, 60 s", value: waits.last, note: `${refused.last} timed out` },
      { label: "Tokens refused, 60 s", value: rejectedTokens.last, note: "their reads go to the primary" },
    ],
    tables: [
      serversTable(nodes),
      {
        caption: "Statements by server and reason",
        columns: ["Server and reason", "Last 60 s", "In total"],
        rows: routes.map(({ reason, count }) => [REASONS[reason], count.last, count.total]),
      },
      queueTable(database.tenants),
    ],
  };
}

const lagText = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

const serversTable = (nodes: readonly NodeRow[]): Table => ({
  caption: "Servers",
  columns: ["Server", "State", "Lag", "In flight", "Busy connections", "Reads in 60 s"],
  rows: nodes.map(({ name, serves, reason, lagMs, inFlight, connections, reads }) => [
    ...[name, serves === "nothing" ? `out: ${reason ?? "unknown"}` : `serves ${serves}`],
    lagMs === null ? "–" : lagText(lagMs),
    inFlight,
    `${connections.busy} of ${connections.open}`,
    reads.last,
  ]),
});

const queueTable = (tenants: readonly QueueRow[]): Table => ({
  caption: "Tenants that queued most often for a connection",
  columns: ["Tenant", "Plan", "Share", "Queued in 60 s", "In total", "Timed out"],
  rows: tenants.map(({ tenantId, plan, maxConcurrency, waits, refused }) => [
    ...[tenantId, plan],
    maxConcurrency === null ? "–" : `${maxConcurrency} at once`,
    ...[waits.last, waits.total, refused.total],
  ]),
});
