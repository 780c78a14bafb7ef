// The list of tenants, the search, and the page of one tenant.
import { element, make, setRows } from "./dom.js";
import { tenantCells } from "./overview.js";
import { eventRows, showTab, time } from "./sections.js";

/** @import { FeedEvent, Snapshot, TenantDecision, TenantDetails } from "../src/types.js" */

/**
 * @typedef {object} TenantPage
 * @property {TenantDetails | null} details
 * @property {TenantDecision[]} decisions
 * @property {FeedEvent[]} events
 */

const REFRESH_MS = 2000;

/** @type {{ tenantId: string, body: HTMLElement, askedAt: number } | undefined} */
let open;

/** @param {Snapshot} snapshot */
export function showTenants({ tenants, story }) {
  setRows(
    "all-tenants",
    tenants.map((tenant) => tenantCells(tenant, story)),
  );
  if (open !== undefined && performance.now() - open.askedAt > REFRESH_MS) void refresh(open);
}

/** Opens the page of a tenant, or closes it. @param {string | undefined} tenantId */
export async function openTenant(tenantId) {
  if (open?.tenantId === tenantId) return;
  if (tenantId === undefined) {
    open = undefined;
    element("tenant").replaceChildren();
    return;
  }
  const body = make("div");
  open = { tenantId, body, askedAt: performance.now() };
  element("tenant").replaceChildren(make("h2", { tabindex: "-1" }, tenantId), body);
  await refresh(open);
}

/** @param {NonNullable<typeof open>} tenant */
async function refresh(tenant) {
  tenant.askedAt = performance.now();
  /** @type {TenantPage | undefined} */
  const answer = await read(`tenants/${encodeURIComponent(tenant.tenantId)}`);
  // Another tenant was opened meanwhile.
  if (open !== tenant) return;
  const { body, tenantId } = tenant;
  if (answer === undefined) {
    delete body.dataset["shape"];
    body.replaceChildren(make("p", {}, "The server does not answer."));
    return;
  }
  const plan = answer.details?.plan;
  const heading = body.previousElementSibling;
  if (heading !== null) heading.textContent = plan === undefined ? tenantId : `${tenantId} (${plan})`;
  showTab(body, { tiles: answer.details?.tiles ?? [], tables: tablesOf(answer) });
}

/** @param {TenantPage} page */
const tablesOf = ({ details, decisions, events }) => [
  {
    caption: "Last decisions",
    columns: ["Time", "Decision", "Rule", "Decided by", "Why", "Times"],
    rows: decisions.map(({ atMs, allowed, rule, by, why, count }) => [
      time.format(atMs),
      ...[allowed ? "admitted" : "denied", rule, by, why],
      count,
    ]),
  },
  ...(details?.tables ?? []),
  { caption: "Events", columns: ["Time", "Kind", "Event", "Times"], rows: eventRows(events) },
];

/** @param {SubmitEvent} event */
export async function searchTenants(event) {
  event.preventDefault();
  const text = /** @type {HTMLInputElement} */ (element("search-text")).value.trim();
  /** @type {{ tenants: string[] } | undefined} */
  const answer = text === "" ? { tenants: [] } : await read(`search?q=${encodeURIComponent(text)}`);
  const found = answer?.tenants ?? [];
  const links = found.map((tenantId) =>
    make("li", {}, make("a", { href: `#/tenants/${encodeURIComponent(tenantId)}` }, tenantId)),
  );
  element("found").replaceChildren(...links);
  // Nothing was found by search: what was typed may still be an id.
  if (text !== "" && found.length === 0) location.hash = `/tenants/${encodeURIComponent(text)}`;
}

/** @param {string} path */
async function read(path) {
  try {
    const response = await fetch(path, { signal: AbortSignal.timeout(5000) });
    return response.ok ? await response.json() : undefined;
  } catch {
    // The caller says that there is no answer.
    return undefined;
  }
}
