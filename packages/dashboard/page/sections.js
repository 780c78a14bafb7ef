// Tabs made of tiles and tables, and the list of events.
import { fillRows, make, setRows, shown, whole } from "./dom.js";

/** @import { FeedEvent, TabData, Table } from "../src/types.js" */

export const time = new Intl.DateTimeFormat("en", { timeStyle: "medium", hour12: false });

/**
 * Shows tiles and tables in an element, and keeps the tables that are there.
 * @param {HTMLElement} target
 * @param {TabData} data
 */
export function showTab(target, { tiles = [], tables = [] }) {
  const shape = JSON.stringify([
    tiles.map(({ label }) => label),
    tables.map(({ caption, columns }) => [caption, columns]),
  ]);
  if (target.dataset["shape"] !== shape) {
    target.dataset["shape"] = shape;
    const list = make(
      "dl",
      { class: "tiles" },
      ...tiles.map(({ label }) => make("div", {}, make("dt", {}, label), make("dd"), make("dd", { class: "note" }))),
    );
    target.replaceChildren(...(tiles.length > 0 ? [list] : []), ...tables.map(newTable));
  }
  const values = target.querySelectorAll(".tiles > div");
  tiles.forEach(({ value, note = "" }, at) => {
    const [, shownValue, shownNote] = values[at]?.children ?? [];
    if (shownValue instanceof HTMLElement) {
      shownValue.textContent = shown(value);
      shownValue.classList.toggle("words", shown(value).length > 9);
    }
    if (shownNote !== undefined) shownNote.textContent = note;
  });
  const bodies = target.querySelectorAll("tbody");
  tables.forEach(({ rows }, at) => {
    const body = bodies[at];
    if (body !== undefined)
      fillRows(
        body,
        rows.map((cells) => cells.map(shown)),
      );
  });
}

/** @param {Table} table */
function newTable({ caption, columns, rows }) {
  const [example = []] = rows;
  const heads = columns.map((name, at) =>
    make("th", { scope: "col", ...(typeof example[at] === "number" && { class: "number" }) }, name),
  );
  const table = make(
    "table",
    { class: "wraps" },
    make("caption", {}, caption),
    make("thead", {}, make("tr", {}, ...heads)),
    make("tbody"),
  );
  return make("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": caption }, table);
}

/** @param {readonly FeedEvent[]} events */
export const eventRows = (events) =>
  events.map(({ atMs, kind, text, count }) => [time.format(atMs), kind, text, whole.format(count)]);

/** @param {readonly FeedEvent[]} events */
export const showEvents = (events) => setRows("event-rows", eventRows(events));
