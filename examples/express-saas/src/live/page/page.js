// Fetches the data once a second and writes it into the page. No framework, no build.
import { showCache } from "./cache.js";
import { showDatabase } from "./database.js";
import { showResilience, startControls } from "./resilience.js";
import { drawLines, drawStack, shareBar } from "./charts.js";
import { element, setRows, setText, tenths, whole } from "./dom.js";

/** @import { LiveData } from "../live-data.js" */

// With reduced motion the page changes less often.
const PERIOD_MS = matchMedia("(prefers-reduced-motion: reduce)").matches ? 5000 : 1000;

/** @param {number | null} ms */
const milliseconds = (ms) => (ms === null ? "–" : tenths.format(ms));

/** @type {Record<string, string>} */
const REDIS = {
  connected: "Redis connected: limits are shared by all processes.",
  stalled: "Redis stalled: this process enforces its share of the limits.",
  disconnected: "Redis disconnected: this process enforces its share of the limits until Redis is back.",
};

/** @param {LiveData["limitStore"]} limitStore */
function showStatus(limitStore) {
  const state = limitStore.is === "memory" ? "memory" : limitStore.state;
  element("status").dataset["state"] = state;
  setText(
    "status",
    limitStore.is === "memory"
      ? `No Redis: limits are counted in memory (${limitStore.reason}).`
      : (REDIS[state] ?? state),
  );
}

/** @param {number} total */
const sinceStart = (total) => `${whole.format(total)} since the start`;

/** @param {LiveData} data */
function showTiles({ requestsPerSecond, decisions, errors }) {
  setText("rate", whole.format(requestsPerSecond));
  setText("admitted", whole.format(decisions.admitted));
  setText("admitted-total", sinceStart(decisions.totalAdmitted));
  setText("denied", whole.format(decisions.denied));
  setText("denied-total", sinceStart(decisions.totalDenied));
  setText("errors", whole.format(errors.last));
  setText("errors-total", sinceStart(errors.total));
}

/** @param {{ limit: number, windowMs: number | null }} rule */
function showLimit({ limit, windowMs }) {
  if (windowMs === null) return `${whole.format(limit)} at once`;
  // A non-breaking space before the unit.
  const period = windowMs < 60_000 ? `${windowMs / 1000}\u00a0s` : `${windowMs / 60_000}\u00a0min`;
  return `${whole.format(limit)} in ${period}`;
}

/** @param {LiveData["plans"][number]} plan */
function showLimits({ limits, groups }) {
  const all = [{ group: "", limits }, ...groups];
  return all.map((each) => (each.group && `${each.group}: `) + each.limits.map(showLimit).join(", ")).join("; ");
}

const DECIDERS = {
  store: "store",
  lease: "leased units",
  "denial-cache": "denial cache",
  local: "this process",
  policy: "failure policy",
  unlimited: "unlimited plan",
};

/** @param {LiveData["quotas"]} quotas */
function showQuotas({ nearestToLimit, plans, overage, storeFailures }) {
  setRows(
    "quotas",
    nearestToLimit.map(({ tenantId, plan, metric, used, limit, refused, upgrade }) => [
      tenantId,
      plan,
      metric,
      `${whole.format(used)} of ${whole.format(limit)}`,
      whole.format(refused.last),
      upgrade === null ? "–" : `upgrade to ${upgrade}`,
    ]),
  );
  setRows(
    "quota-plans",
    plans.map(({ plan, limits, refused }) => [
      plan,
      ...limits.map(({ limit, more }) => {
        const included = limit === null ? "no limit" : whole.format(limit);
        return more === 0 ? included : `${included} + ${whole.format(more)}`;
      }),
      whole.format(refused.last),
      whole.format(refused.total),
    ]),
  );
  setText(
    "quota-notes",
    `E-mails above the included units: ${whole.format(overage.total)}. ` +
      `Usage calls that Redis did not answer: ${whole.format(storeFailures.total)}.`,
  );
}

/** @param {LiveData} data */
function showTables({ plans, latency, rules, decidedBy, storeFailures }) {
  setRows(
    "plans",
    plans.map((row) => [row.plan, showLimits(row), whole.format(row.admitted), whole.format(row.denied)]),
  );
  setRows("latency", [
    ["p50", milliseconds(latency.p50)],
    ["p95", milliseconds(latency.p95)],
    ["p99", milliseconds(latency.p99)],
  ]);
  setRows(
    "rules",
    rules.map(({ rule, denied }) => [rule, whole.format(denied.last), whole.format(denied.total)]),
  );
  setRows(
    "deciders",
    decidedBy.map(({ by, decisions }) => [DECIDERS[by], whole.format(decisions.last), whole.format(decisions.total)]),
  );
  const { last, total } = storeFailures;
  setText("store-failures", `Store failures: ${whole.format(last)} in 60 s, ${whole.format(total)} in total.`);
}

/** @param {LiveData["tenants"]} tenants */
function showTenants(tenants) {
  const most = Math.max(1, ...tenants.map(({ admitted, denied }) => admitted + denied));
  setRows(
    "tenants",
    tenants.map(({ tenantId, plan, admitted, denied }) => [
      tenantId,
      plan,
      whole.format(admitted),
      whole.format(denied),
      shareBar(admitted / most, denied / most),
    ]),
  );
}

/** @param {LiveData["seconds"]} seconds */
function showSeconds(seconds) {
  drawStack(element("load-chart"), seconds);
  drawLines(element("latency-chart"), seconds);
  if (!element("seconds-details").hasAttribute("open")) return;
  setRows(
    "seconds",
    seconds
      .toReversed()
      .map(({ admitted, denied, p50, p95, p99 }, i) => [
        whole.format(i + 1),
        ...[admitted, denied].map(whole.format),
        ...[p50, p95, p99].map(milliseconds),
      ]),
  );
}

/** @type {LiveData | undefined} */
let latest;
let paused = false;

/** @param {LiveData} data */
function show(data) {
  latest = data;
  showStatus(data.limitStore);
  showTiles(data);
  showSeconds(data.seconds);
  showTables(data);
  showTenants(data.tenants);
  showQuotas(data.quotas);
  showResilience(data.resilience);
  showDatabase(data.database);
  showCache(data);
}

async function refresh() {
  if (paused || document.hidden) return;
  try {
    const response = await fetch("/scale/data", { signal: AbortSignal.timeout(5000) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    show(await response.json());
  } catch {
    // The next refresh retries.
    element("status").dataset["state"] = "lost";
    setText("status", "The server does not respond. The numbers below are from its last response.");
  }
}

async function run() {
  await refresh();
  setTimeout(() => void run(), PERIOD_MS);
}

startControls();
const pause = element("pause");
pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
});
// Works while paused too.
element("seconds-details").addEventListener("toggle", () => latest && showSeconds(latest.seconds));
// Browsers throttle timers of hidden pages to one per minute, so refresh as soon as the page is visible.
document.addEventListener("visibilitychange", () => void refresh());

void run();
