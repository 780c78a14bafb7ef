// Listens to the stream of the server and writes its messages into the page. No framework, no build.
import { element, setText } from "./dom.js";
import { showOverview, showSeconds } from "./overview.js";
import { showEvents, showTab } from "./sections.js";
import { current, offer, startTabs } from "./tabs.js";
import { searchTenants, showTenants } from "./tenants.js";

/** @import { Snapshot } from "../src/types.js" */

/** @type {Snapshot | undefined} */
let latest;
let isPaused = false;

/**
 * @param {"live" | "paused" | "lost"} state
 * @param {string} text
 */
function setStatus(state, text) {
  element("status").dataset["state"] = state;
  setText("status", text);
}

/** Shows the tab that is selected; the others are shown when they are. */
function show() {
  if (latest === undefined) return;
  for (const name of Object.keys(latest.tabs ?? {})) offer(name);
  const name = current();
  if (name === "overview") showOverview(latest);
  else if (name === "tenants") showTenants(latest);
  else if (name === "events") showEvents(latest.events);
  else showTab(element("section"), Object.entries(latest.tabs ?? {}).find(([tab]) => tab === name)?.[1] ?? {});
}

/** @param {MessageEvent<string>} message */
function onMessage({ data }) {
  if (isPaused || document.hidden) return;
  latest = /** @type {Snapshot} */ (JSON.parse(data));
  setText("title", latest.title);
  document.title = latest.title;
  setStatus("live", "Live.");
  show();
}

const stream = new EventSource("events");
stream.addEventListener("message", onMessage);
// The browser connects again by itself.
stream.addEventListener("error", () => setStatus("lost", "The server does not answer. These are its last numbers."));
stream.addEventListener("unavailable", () =>
  setStatus("lost", "The server cannot read its numbers. These are the last."),
);

element("pause").addEventListener("click", ({ currentTarget }) => {
  isPaused = !isPaused;
  if (currentTarget instanceof HTMLElement) currentTarget.setAttribute("aria-pressed", String(isPaused));
  setStatus(isPaused ? "paused" : "live", isPaused ? "Paused." : "Live.");
});
element("search").addEventListener("submit", (event) => void searchTenants(event));
element("seconds-table").addEventListener("toggle", () => latest && showSeconds(latest));
addEventListener("resize", show);
startTabs(show);
