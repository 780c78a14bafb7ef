import type { Delta } from "../deltas/delta-reader.js";
import type { LabelPairs } from "../instruments/label-text.js";
import { SecondsRing } from "./seconds-ring.js";

/** A counter, or the level of a gauge, with the labels that a table groups by. */
export interface Row {
  /** Values of the labels, in the order in which they were asked for. */
  readonly labels: readonly string[];
  /** Amount of the last 60 whole seconds; 0 for a gauge. */
  readonly last: number;
  /** Since the start; the level of a gauge. */
  readonly total: number;
}

interface Series {
  readonly labels: ReadonlyMap<string, string>;
  readonly ring: SecondsRing | undefined;
  total: number;
}

/** Counters of the last minute and gauges, all tenants of a label set together. */
export class CounterWindow {
  readonly #series = new Map<string, Map<LabelPairs, Series>>();

  /** Counts an amount in the present second. @param second `undefined` for what was recorded before the window began */
  count({ metric, labels, amount }: Extract<Delta, { kind: "amount" }>, second: number | undefined): void {
    const known = this.#find(metric.family.definition.name, labels, true);
    known.total += amount;
    if (second !== undefined) known.ring?.add(second, 0, amount);
  }

  /** Replaces the levels of the gauges: their label sets come and go. */
  setLevels(deltas: readonly Extract<Delta, { kind: "level" }>[], names: Iterable<string>): void {
    for (const name of names) this.#series.delete(name);
    for (const { metric, labels, value } of deltas)
      this.#find(metric.family.definition.name, labels, false).total = value;
  }

  /** Series of a metric, those with the same values of the given labels together, the largest first. */
  rows(present: number, name: string, labels: readonly string[]): Row[] {
    const rows = new Map<string, Row>();
    for (const { labels: own, ring, total } of this.#series.get(name)?.values() ?? []) {
      const values = labels.map((label) => own.get(label) ?? "");
      const key = JSON.stringify(values);
      const { last, total: sum } = rows.get(key) ?? { last: 0, total: 0 };
      rows.set(key, { labels: values, last: last + (ring?.sum(present, 0) ?? 0), total: sum + total });
    }
    return [...rows.values()].toSorted((a, b) => b.last - a.last || b.total - a.total);
  }

  /** Sum over the series of a metric that have these values of labels. */
  sum(present: number, name: string, where: Readonly<Record<string, string>> = {}): Omit<Row, "labels"> {
    const labels = Object.keys(where);
    const found = this.rows(present, name, labels).filter((row) =>
      labels.every((label, i) => row.labels[i] === where[label]),
    );
    return found.reduce((sum, row) => ({ last: sum.last + row.last, total: sum.total + row.total }), {
      last: 0,
      total: 0,
    });
  }

  #find(name: string, labels: LabelPairs, isCounter: boolean): Series {
    const family = this.#series.get(name) ?? new Map<LabelPairs, Series>();
    this.#series.set(name, family);
    // The pairs of a series are one object for as long as the series lives.
    const known = family.get(labels);
    if (known !== undefined) return known;
    const made = { labels: new Map(labels), ring: isCounter ? new SecondsRing(1) : undefined, total: 0 };
    family.set(labels, made);
    return made;
  }
}
