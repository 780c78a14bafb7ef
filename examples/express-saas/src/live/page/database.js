// The database section of the page.
import { percent, setRows, setText, tenths, whole } from "./dom.js";

/** @import { LiveData, NodeRow, RouteReason } from "../live-data.js" */

/** @type {Record<RouteReason, string>} */
const REASONS = {
  read: "replica: read",
  "recent-write": "primary: recent write",
  pinned: "primary: cache load",
  "no-healthy-replica": "primary: no healthy replica",
  conflict: "primary: replica conflict",
  "read-only-refused": "primary: replica is read-only",
  write: "primary: write",
  transaction: "primary: transaction",
};

/** @type {Record<string, string>} */
const EJECT_REASONS = {
  unknown: "not polled yet",
  unreachable: "unreachable",
  "connection-lost": "connection lost",
  failures: "statements fail",
  lagging: "lag too high",
  stale: "no recent poll",
  "not-writable": "read-only",
};

/** @param {LiveData["database"]} database */
export function showDatabase({ nodes, routes, rejectedTokens, waits, refused, tenants }) {
  const count = (/** @type {RouteReason} */ reason) =>
    routes.find(({ reason: of }) => of === reason)?.count ?? { last: 0, total: 0 };
  const reads = nodes.reduce((sum, node) => sum + node.reads.last, 0);
  const total = nodes.reduce((sum, node) => sum + node.reads.total, 0);
  setText("db-reads", percent(count("read").last, reads));
  setText("db-reads-total", `${percent(count("read").total, total)} since the start`);
  setText("db-held", whole.format(count("recent-write").last));
  setText("db-held-total", `${whole.format(count("recent-write").total)} since the start`);
  const [furthest] = nodes.filter(({ lagMs }) => lagMs !== null).sort((a, b) => (b.lagMs ?? 0) - (a.lagMs ?? 0));
  setText("db-lag", furthest === undefined ? "–" : `${whole.format(furthest.lagMs ?? 0)}\u00a0ms`);
  setText("db-lag-bytes", furthest === undefined ? "no replica" : `${bytes(furthest.lagBytes)}, ${furthest.name}`);
  setText("db-queued", whole.format(waits.last));
  setText("db-queue-timeouts", `${whole.format(refused.total)} timed out since the start`);
  setRows(
    "db-nodes",
    nodes.map((node) => nodeCells(node, reads)),
  );
  setRows(
    "db-routes",
    routes.map(({ reason, count: of }) => [REASONS[reason], whole.format(of.last), whole.format(of.total)]),
  );
  setText("db-tokens", `Rejected session tokens: ${whole.format(rejectedTokens.total)}.`);
  setRows(
    "db-queue",
    tenants.map(({ tenantId, plan, maxConcurrency, ...row }) => [
      tenantId,
      plan,
      maxConcurrency === null ? "–" : whole.format(maxConcurrency),
      whole.format(row.waits.last),
      whole.format(row.waits.total),
      whole.format(row.refused.total),
    ]),
  );
}

/**
 * @param {NodeRow} node
 * @param {number} reads
 */
function nodeCells({ name, serves, reason, lagBytes, lagMs, inFlight, connections, reads: own }, reads) {
  const out = reason === null ? "" : (EJECT_REASONS[reason] ?? reason);
  return [
    name,
    serves === "nothing" ? `out: ${out}` : `serves ${serves}`,
    lagBytes === null ? "–" : bytes(lagBytes),
    lagMs === null ? "–" : `${whole.format(lagMs)}\u00a0ms`,
    whole.format(inFlight),
    `${connections.busy} of ${connections.open}`,
    percent(own.last, reads),
  ];
}

/** @param {number | null} count */
function bytes(count) {
  if (count === null) return "–";
  return count < 1024 ? `${count}\u00a0B` : `${tenths.format(count / 1024)}\u00a0KiB`;
}
