// Tabs by the hash of the address, so that each can be linked, and by the arrow keys. The hash starts with a slash: it must
// be the id of no element, or the browser would scroll and move the focus there.
import { element } from "./dom.js";
import { openTenant } from "./tenants.js";

const PANELS = ["overview", "tenants", "section", "events"];
const tabs = /** @type {HTMLElement[]} */ ([...element("tabs").children]);

/** @param {HTMLElement} tab */
const nameOf = (tab) => tab.id.slice("tab-".length);

/** Name of the tab that is shown. */
export function current() {
  const selected = tabs.find((tab) => tab.getAttribute("aria-selected") === "true");
  return selected === undefined ? "overview" : nameOf(selected);
}

/** @param {string} name */
export function offer(name) {
  element(`tab-${name}`).hidden = false;
}

/** @param {() => void} onChange called when another tab is shown */
export function startTabs(onChange) {
  const follow = () => {
    const [name = "", rest] = location.hash.slice(2).split("/", 2);
    select(tabs.find((tab) => nameOf(tab) === name) ?? tabs[0]);
    void openTenant(name === "tenants" && rest !== undefined && rest !== "" ? decode(rest) : undefined);
    onChange();
  };
  addEventListener("hashchange", follow);
  for (const tab of tabs) tab.addEventListener("click", () => (location.hash = `/${nameOf(tab)}`));
  element("tabs").addEventListener("keydown", onKey);
  follow();
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    // An address that was cut short is the name of no tenant.
    return undefined;
  }
}

/** @param {HTMLElement | undefined} selected */
function select(selected) {
  const panel = selected?.getAttribute("aria-controls");
  for (const tab of tabs) {
    tab.setAttribute("aria-selected", String(tab === selected));
    tab.tabIndex = tab === selected ? 0 : -1;
  }
  for (const name of PANELS) element(name).hidden = name !== panel;
  if (panel === "section" && selected !== undefined) element("section").setAttribute("aria-labelledby", selected.id);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  const offered = tabs.filter((tab) => !tab.hidden);
  const at = offered.findIndex((tab) => tab === document.activeElement);
  const next = offered.at((at + step) % offered.length);
  next?.focus();
  next?.click();
}
