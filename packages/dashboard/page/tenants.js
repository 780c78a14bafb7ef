// The list of tenants, the search, and the page of one tenant.
import { element, make, setRows } from "./dom.js";
import { tenantCells } from "./overview.js";
import { eventRows, showTab } from "./sections.js";

/** @import { FeedEvent, Snapshot, TenantDetails } from "../src/types.js" */

/** @type {string | undefined} */
let open;

/** @param {Snapshot} snapshot */
export function showTenants({ tenants, story }) {
  setRows(
    "all-tenants",
    tenants.map((tenant) => tenantCells(tenant, story)),
  );
}

/** Opens the page of a tenant, or closes it. @param {string | undefined} tenantId */
export async function openTenant(tenantId) {
  open = tenantId;
  const target = element("tenant");
  if (tenantId === undefined) {
    target.replaceChildren();
    return;
  }
  /** @type {{ details: TenantDetails | null, events: FeedEvent[] } | undefined} */
  const answer = await read(`tenants/${encodeURIComponent(tenantId)}`);
  // Another tenant was opened meanwhile.
  if (open !== tenantId) return;
  const body = make("div");
  const heading = make("h2", {}, tenantId);
  const plan = answer?.details?.plan;
  if (plan !== undefined) heading.append(` (${plan})`);
  target.replaceChildren(heading, body);
  if (answer === undefined) {
    body.append(make("p", {}, "The server does not answer."));
    return;
  }
  const events = {
    caption: "Last decisions",
    columns: ["Time", "Kind", "Decision", "Times"],
    rows: eventRows(answer.events),
  };
  showTab(body, { tiles: answer.details?.tiles ?? [], tables: [...(answer.details?.tables ?? []), events] });
}

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
