// The first screen: dependencies, requests, latency, which tenant is noisy and which suffer.
import { drawLines, drawStack, shareBar } from "./charts.js";
import { element, make, milliseconds, setRows, setText, tenths, whole } from "./dom.js";
import { showActions, showIncidents } from "./actions.js";

/** @import { Snapshot, TenantCounts } from "../src/types.js" */

const BUSIEST = 6;
const STATES = { pass: "works", warn: "with limits", fail: "down" };

/** @param {Snapshot} snapshot */
export function showOverview(snapshot) {
  setText("story", snapshot.story.text);
  const { noisy, suffering } = snapshot.story;
  element("story-box").dataset["state"] = suffering.length > 0 ? "warn" : noisy === undefined ? "pass" : "noisy";
  showComparison(snapshot.comparison);
  showActions(snapshot.actions);
  showIncidents(snapshot.incidents);
  showDependencies(snapshot.dependencies);
  showTiles(snapshot.requests);
  showBusiest(snapshot);
  showSeconds(snapshot);
}

/** @param {Snapshot["dependencies"]} dependencies */
function showDependencies(dependencies) {
  const list = element("dependencies");
  const text = dependencies.map(({ name, status, note = "" }) => `${name}${status}${note}`).join();
  if (list.dataset["text"] === text) return;
  list.dataset["text"] = text;
  list.replaceChildren(
    ...dependencies.map(({ name, status, note }) =>
      make(
        "li",
        { "data-state": status, ...(note !== undefined && { title: note }) },
        make("strong", {}, name),
        ` ${STATES[status]}${note === undefined ? "" : `: ${note}`}`,
      ),
    ),
  );
}

/** @param {Snapshot["comparison"]} comparison */
function showComparison(comparison) {
  element("comparison").hidden = comparison === undefined;
  element("comparison-key").hidden = comparison === undefined;
  if (comparison === undefined) return;
  const { label, here, there } = comparison;
  setText("comparison", `The same requests with ${label}: ${compared(there)}. Here: ${compared(here)}.`);
  setText("comparison-label", `p99, ${label}`);
}

/** @param {NonNullable<Snapshot["comparison"]>["here"]} requests */
const compared = ({ requests, failed, p99 }) =>
  `p99 ${p99 === null ? "unknown" : `${milliseconds(p99)} ms`}, ${failed === 0 ? "none" : whole.format(failed)} of ${whole.format(requests)} failed`;

/** @param {Snapshot["requests"]} requests */
function showTiles({ perSecond, admitted, denied, failed, p50, p95, p99 }) {
  const tiles = [
    ["Requests per second", tenths.format(perSecond)],
    ["Admitted, 60 s", whole.format(admitted)],
    ["Denied, 60 s", whole.format(denied)],
    ["Failed, 60 s", whole.format(failed)],
    ["p50, ms", milliseconds(p50)],
    ["p95, ms", milliseconds(p95)],
    ["p99, ms", milliseconds(p99)],
  ];
  const list = element("tiles");
  tiles.forEach(([label = "", value = ""], at) => {
    const tile = list.children[at] ?? list.appendChild(make("div", {}, make("dt", {}, label), make("dd")));
    if (tile instanceof HTMLElement) tile.dataset["state"] = label.startsWith("Failed") && failed > 0 ? "warn" : "pass";
    const shown = tile.lastElementChild;
    if (shown !== null && shown.textContent !== value) shown.textContent = value;
  });
}

/** @param {TenantCounts} tenant */
const requestsOf = ({ admitted, denied, failed }) => admitted + denied + failed;

/**
 * The name of a tenant, which opens its page, and what is to be said about it.
 * @param {string} tenantId
 * @param {Snapshot["story"]} story
 */
export function tenantLink(tenantId, { noisy, suffering }) {
  const link = make("a", { href: `#/tenants/${encodeURIComponent(tenantId)}` }, tenantId);
  const cell = make("span", {}, link);
  if (tenantId === noisy) cell.append(" ", make("span", { class: "badge" }, "noisy"));
  if (suffering.includes(tenantId)) cell.append(" ", make("span", { class: "badge", "data-state": "warn" }, "suffers"));
  return cell;
}

/** @param {Snapshot} snapshot */
function showBusiest({ tenants, story }) {
  const sorted = tenants.toSorted((a, b) => requestsOf(b) - requestsOf(a));
  const most = Math.max(1, ...sorted.map(requestsOf));
  // A tenant that suffers is shown, however little it sends.
  const first = sorted.slice(0, BUSIEST);
  const suffering = sorted.filter(
    ({ tenantId }) => story.suffering.includes(tenantId) && !first.some((each) => each.tenantId === tenantId),
  );
  const rows = [...first.slice(0, Math.max(1, BUSIEST - suffering.length)), ...suffering].slice(0, BUSIEST);
  setRows(
    "busiest",
    rows.map((tenant) => [
      ...tenantCells(tenant, story),
      shareBar([tenant.admitted / most, tenant.denied / most, tenant.failed / most]),
    ]),
  );
}

/**
 * @param {TenantCounts} tenant
 * @param {Snapshot["story"]} story
 */
export const tenantCells = (tenant, story) => [
  tenantLink(tenant.tenantId, story),
  tenant.plan ?? "–",
  whole.format(requestsOf(tenant)),
  whole.format(tenant.denied),
  whole.format(tenant.failed),
  milliseconds(tenant.p99),
];

/** @param {Snapshot} snapshot */
export function showSeconds({ seconds, incidents, atMs, comparison }) {
  drawStack(element("load-chart"), seconds, { incidents, atMs });
  drawLines(element("latency-chart"), seconds, { incidents, atMs, there: comparison?.p99BySecond ?? [] });
  if (!element("seconds-table").hasAttribute("open")) return;
  setRows(
    "seconds",
    seconds
      .toReversed()
      .map(({ admitted, denied, failed, p50, p95, p99 }, i) => [
        whole.format(i + 1),
        ...[admitted, denied, failed].map((count) => whole.format(count)),
        ...[p50, p95, p99].map(milliseconds),
      ]),
  );
}
