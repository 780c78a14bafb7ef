// Writes text and tables into the page. All of it as text: a tenant may be called anything.

export const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
export const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** @param {number | null} ms */
export const milliseconds = (ms) => (ms === null ? "–" : ms < 10 ? tenths.format(ms) : whole.format(ms));

/** @param {string | number} value */
export const shown = (value) => (typeof value === "number" ? tenths.format(value) : value);

/** @param {string} id */
export function element(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, string>} [attributes]
 * @param {...(string | Element)} children
 */
export function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/**
 * @param {string} id
 * @param {string} text
 */
export function setText(id, text) {
  const target = element(id);
  // Writing an unchanged status would make screen readers announce it again.
  if (target.textContent !== text) target.textContent = text;
}

/**
 * Reuses the rows, so that focus, selection and screen readers keep their position.
 * @param {HTMLTableSectionElement} body
 * @param {(string | Element)[][]} rows the first cell is the row header
 */
export function fillRows(body, rows) {
  const headings = body.closest("table")?.tHead?.rows[0]?.cells;
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, at) => {
    const row = body.rows[at] ?? body.insertRow();
    while (row.cells.length > cells.length) row.deleteCell(-1);
    cells.forEach((content, column) => {
      const cell = row.cells[column] ?? row.appendChild(newCell(column, headings?.[column]?.className ?? ""));
      if (typeof content === "string") {
        if (cell.textContent !== content || cell.firstElementChild !== null) cell.textContent = content;
      } else if (cell.textContent !== content.textContent || cell.firstElementChild?.tagName !== content.tagName) {
        cell.replaceChildren(content);
      } else if (content.tagName === "svg") cell.replaceChildren(content);
    });
  });
}

/**
 * @param {string} id id of the table body
 * @param {(string | Element)[][]} rows
 */
export function setRows(id, rows) {
  fillRows(/** @type {HTMLTableSectionElement} */ (element(id)), rows);
}

/**
 * @param {number} column
 * @param {string} className
 */
function newCell(column, className) {
  const cell = document.createElement(column === 0 ? "th" : "td");
  if (column === 0) cell.scope = "row";
  cell.className = className;
  return cell;
}
