// Buttons of operators, and what came of them.
import { element, make, setText } from "./dom.js";
import { time } from "./sections.js";

/** @import { ActionState, Incident, Snapshot } from "../src/types.js" */

const SHOWN = 3;

/** @param {Snapshot["actions"]} actions */
export function showActions({ title, list }) {
  element("actions").hidden = list.length === 0;
  setText("actions-title", title);
  const buttons = element("action-buttons");
  list.forEach((action, at) => {
    const button = buttons.children[at] ?? buttons.appendChild(newButton(action.id));
    update(/** @type {HTMLButtonElement} */ (button), action);
  });
}

/** @param {string} id */
function newButton(id) {
  const button = make("button", { type: "button", "data-action": id });
  button.addEventListener("click", () => void press(button));
  return button;
}

/**
 * @param {HTMLButtonElement} button
 * @param {ActionState} action
 */
function update(button, { label, description, status, isEnd }) {
  const shown = status === "recovering" ? `${label}: recovering` : label;
  if (button.textContent !== shown) button.textContent = shown;
  if (description !== undefined) button.title = description;
  button.dataset["status"] = status;
  button.dataset["verb"] = isEnd ? "end" : "start";
  // Stays focusable: the focus must not be lost while an operator waits.
  button.setAttribute("aria-disabled", String(status !== "ready" && !isEnd));
}

/** @param {HTMLButtonElement} button */
async function press(button) {
  const { action = "", verb = "" } = button.dataset;
  if (button.getAttribute("aria-disabled") === "true") return;
  const status = await send(`actions/${encodeURIComponent(action)}/${verb}`);
  setText("action-status", ANSWERS[status] ?? (status === 202 ? "" : "The server does not answer."));
}

/** @type {Readonly<Record<number, string>>} */
const ANSWERS = {
  403: "This needs the right of an operator.",
  404: "The server does not know this action.",
  409: "This action runs already, or has ended.",
};

/**
 * @param {string} path
 * @returns {Promise<number>} the status; 0 without an answer
 */
async function send(path) {
  try {
    return (await fetch(path, { method: "POST", signal: AbortSignal.timeout(5000) })).status;
  } catch {
    // The caller says that there is no answer.
    return 0;
  }
}

/** @param {readonly Incident[]} incidents newest first */
export function showIncidents(incidents) {
  element("incidents").hidden = incidents.length === 0;
  const list = element("incident-list");
  const shown = incidents.slice(0, SHOWN);
  while (list.children.length > shown.length) list.lastElementChild?.remove();
  shown.forEach((incident, at) => {
    const item = list.children[at] ?? list.appendChild(make("li"));
    const key = JSON.stringify(incident);
    if (!(item instanceof HTMLElement) || item.dataset["key"] === key) return;
    item.dataset["key"] = key;
    item.dataset["state"] = incident.recoveredAtMs === undefined ? "running" : "over";
    item.replaceChildren(
      make("strong", {}, incident.label),
      ` ${time.format(incident.startedAtMs)}: ${incident.felt}. `,
      make("span", { class: "note" }, `${endOf(incident)}.`),
    );
  });
}

/** @param {Incident} incident */
function endOf({ startedAtMs, endedAtMs, recoveredAtMs }) {
  if (endedAtMs === undefined) return "Still on";
  if (recoveredAtMs === undefined) return "Ended, not all works yet";
  const lasted = ((endedAtMs - startedAtMs) / 1000).toFixed(1);
  const recovery = ((recoveredAtMs - endedAtMs) / 1000).toFixed(1);
  return `Lasted ${lasted} s, all worked again ${recovery} s later`;
}
