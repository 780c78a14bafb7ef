import type { CounterWindow } from "./counter-window.js";
import {
  type CounterTable,
  type CountTile,
  type GaugeTable,
  type ShareTile,
  type TabDefinition,
  tabs,
} from "./tabs.js";
import type { DashboardData, TabData, Table, Tile } from "./types.js";

/** A reading of the window, at one moment. */
interface Reading {
  readonly window: CounterWindow;
  readonly present: number;
}

const MAX_ROWS = 50;
const number = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

/** The tabs of the page. A tab, a table and a tile without data are left out. */
export function tabsOf(reading: Reading): DashboardData["tabs"] {
  const filled = Object.entries(tabs).map(([name, definition]) => [name, tabOf(reading, definition)] as const);
  return Object.fromEntries(filled.filter(([, { tiles = [], tables = [] }]) => tiles.length + tables.length > 0));
}

const tabOf = (reading: Reading, { tiles, tables }: TabDefinition): TabData => ({
  tiles: tiles.flatMap((tile) => ("with" in tile ? shareTile(reading, tile) : countTile(reading, tile))),
  tables: tables.flatMap((table) => ("gauges" in table ? gaugeTable(reading, table) : counterTable(reading, table))),
});

function countTile({ window, present }: Reading, { label, metric }: CountTile): Tile[] {
  const { last, total } = window.sum(present, metric);
  return total === 0 ? [] : [{ label, value: rounded(last), note: `${number.format(total)} since the start` }];
}

function shareTile({ window, present }: Reading, { label, metric, with: labels, isRest, of }: ShareTile): Tile[] {
  const { last: whole } = window.sum(present, metric);
  if (whole === 0) return [];
  const { last: part } = window.sum(present, metric, labels);
  const share = (isRest === true ? whole - part : part) / whole;
  return [{ label, value: percent.format(share), note: `of ${number.format(whole)} ${of} in 60 s` }];
}

function counterTable({ window, present }: Reading, { caption, metric, labels }: CounterTable): Table[] {
  const rows = window.rows(present, metric, Object.keys(labels)).filter(({ total }) => total > 0);
  if (rows.length === 0) return [];
  const columns = [...Object.values(labels), "Last 60 s", "Since the start"];
  const cells = rows.map((row) => [...row.labels, rounded(row.last), rounded(row.total)]);
  return [{ caption, columns, rows: cells.slice(0, MAX_ROWS) }];
}

function gaugeTable({ window, present }: Reading, { caption, labels, gauges }: GaugeTable): Table[] {
  const names = Object.keys(labels);
  const lines = new Map<string, { readonly labels: readonly string[]; readonly values: (string | number)[] }>();
  gauges.forEach(({ metric, with: more = {}, as }, at) => {
    const wanted = Object.entries(more);
    for (const row of window.rows(present, metric, [...names, ...Object.keys(more)])) {
      if (!wanted.every(([, value], i) => row.labels[names.length + i] === value)) continue;
      const own = row.labels.slice(0, names.length);
      const line = lines.get(JSON.stringify(own)) ?? { labels: own, values: gauges.map(() => "–") };
      lines.set(JSON.stringify(own), line);
      line.values[at] = shown(row.total, as);
    }
  });
  if (lines.size === 0) return [];
  const rows = [...lines.values()].slice(0, MAX_ROWS).map((line) => [...line.labels, ...line.values]);
  return [{ caption, columns: [...Object.values(labels), ...gauges.map(({ title }) => title)], rows }];
}

function shown(value: number, as: GaugeTable["gauges"][number]["as"]): string | number {
  if (as === "yes-no") return value > 0 ? "yes" : "no";
  if (as === "MiB") return `${rounded(value / 2 ** 20)} MiB`;
  return as === "ms" ? `${rounded(value * 1000)} ms` : rounded(value);
}

const rounded = (value: number): number => Math.round(value * 100) / 100;
