import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { wellFormed } from "../tenants/tenant-label.js";
import type { Definition, Labels } from "./definition.js";
import { type LabelPairs, labelText } from "./label-text.js";
import { LabelTree } from "./label-tree.js";

/** The labels of one series, or of one series for each tenant. */
export interface LabelSet {
  readonly pairs: LabelPairs;
  readonly text: string;
}

/** Values of label sets above the bound of their metric. */
const OVERFLOW = "other";

/** A metric: its series by label set. */
export class Family<Bound, Name extends string = string> {
  readonly definition: Definition;
  readonly #create: (labels: LabelSet) => Bound;
  readonly #maxLabelSets: number;
  readonly #series: LabelTree<Bound>;

  constructor(definition: Definition, create: (labels: LabelSet) => Bound, maxLabelSets: number) {
    this.definition = definition;
    this.#create = create;
    this.#maxLabelSets = maxLabelSets;
    this.#series = new LabelTree<Bound>(definition.labelNames.length);
  }

  /**
   * Returns the series of a label set. Keep it: a recording on it looks up no labels. Above the bound of label sets all
   * further ones share a series whose labels are `other`.
   * @throws {ConfigError} for labels that the metric does not declare, or that are missing
   */
  bind(labels: Labels<Name>): Bound {
    const { name, labelNames } = this.definition;
    const given: Readonly<Record<string, unknown>> = labels ?? {};
    const values = labelNames.map((label) => {
      const value = Object.hasOwn(given, label) ? given[label] : undefined;
      if (typeof value === "string") return value;
      if (typeof value === "number" || typeof value === "boolean") return String(value);
      throw new ConfigError(`metric ${name}: label ${label}: expected a string, got ${describeValue(value)}`);
    });
    if (Object.keys(given).length > labelNames.length) {
      const unknown = Object.keys(given).find((label) => !labelNames.includes(label));
      throw new ConfigError(`metric ${name}: expected the labels ${labelNames.join(", ") || "none"}, got ${unknown}`);
    }
    return this.#series.find(values) ?? this.#add(values);
  }

  /** Every series, in the order of their first use. */
  get series(): readonly Bound[] {
    return this.#series.values;
  }

  /** Removes the series whose labels match: for gauges whose label sets come and go. */
  remove(matches: (labels: Readonly<Record<Name, string>>) => boolean): void {
    const { labelNames } = this.definition;
    this.#series.remove((values) =>
      matches(Object.fromEntries(labelNames.map((label, i) => [label, values[i] ?? ""])) as Record<Name, string>),
    );
  }

  #add(values: readonly string[]): Bound {
    if (this.#series.values.length < this.#maxLabelSets) return this.#make(values);
    const overflow = values.map(() => OVERFLOW);
    return this.#series.find(overflow) ?? this.#make(overflow);
  }

  #make(values: readonly string[]): Bound {
    const pairs = this.definition.labelNames.map((label, i) => [label, wellFormed(values[i] ?? "")] as const);
    const bound = this.#create({ pairs, text: labelText(pairs) });
    this.#series.add(values, bound);
    return bound;
  }
}
