// Draws into an <svg> in its own pixels, so that text and lines keep their size on a narrow screen.

/** @import { Incident, SecondCounts } from "../src/types.js" */

/**
 * @typedef {object} Marks what is shown as bands over the seconds
 * @property {readonly Incident[]} incidents
 * @property {number} atMs time at the right end of the chart
 */

const LEFT = 34;
const BOTTOM = 20;
const TOP = 8;
/** Fill pattern, defined in index.html. */
const DENIED = "url(#stripes)";
/** `10K` for 10,000: a mark has little room. */
const mark = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const NAMESPACE = "http://www.w3.org/2000/svg";

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {string} [text]
 */
function shape(name, attributes, text = "") {
  const node = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  node.textContent = text;
  return node;
}

/**
 * @typedef {object} Scale
 * @property {readonly number[]} marks values with a grid line; the last is the top
 * @property {(value: number) => number} share position as a fraction of the height, 0 at the bottom
 */

/**
 * A scale from 0 to the next of 1, 2, 5, 10, 20, 50 …
 * @param {number} highest
 * @returns {Scale}
 */
function linear(highest) {
  const unit = 10 ** Math.floor(Math.log10(Math.max(highest, 1)));
  const top = ([1, 2, 5, 10].find((step) => step * unit >= highest) ?? 10) * unit;
  return { marks: [0, top / 2, top], share: (value) => value / top };
}

/**
 * A logarithmic scale from 0.1 to the next power of ten, so that one slow second does not flatten all others.
 * @param {number} highest
 * @returns {Scale}
 */
function logarithmic(highest) {
  const powers = Math.max(Math.ceil(Math.log10(Math.max(highest, 1))), 1) + 1;
  const marks = Array.from({ length: powers + 1 }, (_, power) => 10 ** (power - 1));
  return { marks, share: (value) => Math.log10(Math.max(value, 0.1) * 10) / powers };
}

/**
 * @param {Element} svg
 * @param {Scale} scale
 */
function frame(svg, { marks, share }) {
  const { clientWidth: width, clientHeight: height } = svg;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  /** @param {number} value */
  const y = (value) => height - BOTTOM - share(value) * (height - BOTTOM - TOP);
  const lines = marks.flatMap((value) => [
    shape("line", { class: "grid", x1: LEFT, x2: width, y1: y(value), y2: y(value) }),
    shape("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, mark.format(value)),
  ]);
  const times = [
    shape("text", { x: LEFT, y: height - 4 }, "a minute ago"),
    shape("text", { x: width, y: height - 4, "text-anchor": "end" }, "now"),
  ];
  return { y, width: width - LEFT, height, shapes: [...lines, ...times] };
}

/**
 * Bands from the start of each incident until all worked again, or until now: to draw under the data, and labels over it.
 * @param {{ width: number, height: number }} size
 * @param {number} seconds length of the chart
 * @param {Marks} marks
 */
function bands({ width, height }, seconds, { incidents, atMs }) {
  /** @param {number} ms */
  const x = (ms) => LEFT + width * Math.max(0, 1 - (atMs - ms) / (1000 * seconds));
  const shown = incidents.filter(({ recoveredAtMs = atMs }) => atMs - recoveredAtMs < 1000 * seconds).toReversed();
  const under = shown.flatMap(({ startedAtMs, recoveredAtMs = atMs }) => {
    const from = x(startedAtMs);
    const size = { y: TOP, width: Math.max(x(recoveredAtMs) - from, 2), height: height - BOTTOM - TOP };
    return [
      shape("rect", { class: "band", x: from, ...size }),
      shape("line", { class: "edge", x1: from, x2: from, y1: TOP, y2: height - BOTTOM }),
    ];
  });
  const over = shown.map(({ label, startedAtMs }, i) => {
    const from = x(startedAtMs);
    // At the right end there is room on the other side only.
    const side = from > LEFT + width * 0.75 ? { x: from - 4, "text-anchor": "end" } : { x: from + 4 };
    return shape("text", { class: "band-label", y: TOP + 11 + 13 * (i % 3), ...side }, label);
  });
  return { under, over };
}

/**
 * Draws a stacked column for each second: admitted requests, then denied ones, then failed ones.
 * @param {Element} svg
 * @param {readonly SecondCounts[]} seconds
 * @param {Marks} marks
 */
export function drawStack(svg, seconds, marks) {
  const highest = Math.max(0, ...seconds.map(({ admitted, denied, failed }) => admitted + denied + failed));
  const { y, width, height, shapes } = frame(svg, linear(highest));
  const step = width / Math.max(seconds.length, 1);
  const columns = seconds.flatMap(({ admitted, denied, failed }, i) => {
    const column = { x: LEFT + i * step, width: Math.max(step - 1, 1) };
    return [
      shape("rect", { class: "admitted", ...column, y: y(admitted), height: y(0) - y(admitted) }),
      shape("rect", { fill: DENIED, ...column, y: y(admitted + denied), height: y(0) - y(denied) }),
      shape("rect", { class: "failed", ...column, y: y(admitted + denied + failed), height: y(0) - y(failed) }),
    ];
  });
  const { under, over } = bands({ width, height }, seconds.length, marks);
  svg.replaceChildren(...shapes, ...under, ...columns, ...over);
}

/**
 * Draws a line per percentile. A second without requests is a gap.
 * @param {Element} svg
 * @param {readonly SecondCounts[]} seconds
 * @param {Marks & { there: readonly (number | null)[] }} marks with the p99 of another system
 */
export function drawLines(svg, seconds, { there, ...marks }) {
  const highest = Math.max(0, ...seconds.map(({ p99 }) => p99 ?? 0), ...there.map((p99) => p99 ?? 0));
  const { y, width, height, shapes } = frame(svg, logarithmic(highest));
  /**
   * @param {string} name
   * @param {readonly (number | null)[]} values
   */
  const line = (name, values) => {
    let pen = "M";
    const path = values.map((value, i) => {
      const x = LEFT + ((i + 0.5) * width) / values.length;
      const command = value === null ? "" : `${pen}${x.toFixed(1)} ${y(value).toFixed(1)}`;
      pen = value === null ? "M" : "L";
      return command;
    });
    return shape("path", { class: name, d: path.join("") });
  };
  const { under, over } = bands({ width, height }, seconds.length, marks);
  svg.replaceChildren(
    ...shapes,
    ...under,
    ...(there.length > 0 ? [line("there", there)] : []),
    ...PERCENTILES.map((name) =>
      line(
        name,
        seconds.map((second) => second[name]),
      ),
    ),
    ...over,
  );
}

const PERCENTILES = /** @type {const} */ (["p50", "p95", "p99"]);

/**
 * Returns a bar of parts of the width. The numbers are in the same row.
 * @param {readonly [admitted: number, denied: number, failed: number]} parts
 */
export function shareBar([admitted, denied, failed]) {
  const svg = shape("svg", { "aria-hidden": "true" });
  svg.append(
    shape("rect", { class: "admitted", width: `${admitted * 100}%`, height: "100%" }),
    shape("rect", { fill: DENIED, x: `${admitted * 100}%`, width: `${denied * 100}%`, height: "100%" }),
    shape("rect", { class: "failed", x: `${(admitted + denied) * 100}%`, width: `${failed * 100}%`, height: "100%" }),
  );
  return svg;
}
