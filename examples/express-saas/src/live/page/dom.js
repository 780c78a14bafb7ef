// Writes text and tables into the page.

export const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
export const tenths = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/**
 * @param {number} part
 * @param {number} all
 */
export const percent = (part, all) => (all === 0 ? "–" : `${whole.format((100 * part) / all)}\u00a0%`);

/** @param {string} id */
export function element(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
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
 * Reuses the existing rows, so that a selection or a screen reader keeps its position.
 * @param {string} id id of the table body
 * @param {(string | Element)[][]} rows the first cell is the row header
 */
export function setRows(id, rows) {
  const body = /** @type {HTMLTableSectionElement} */ (element(id));
  const headings = body.closest("table")?.tHead?.rows[0]?.cells;
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, at) => {
    const row = body.rows[at] ?? body.insertRow();
    cells.forEach((content, column) => {
      const cell = row.cells[column] ?? row.appendChild(newCell(column, headings?.[column]?.className ?? ""));
      if (typeof content !== "string") cell.replaceChildren(content);
      else if (cell.textContent !== content) cell.textContent = content;
    });
  });
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
