/** Settings of one flag, which operators change at run time: one entry of a document. Dates are ISO 8601 with a zone. */
export interface FlagSettings<T = unknown> {
  /** Kill switch: the flag has its `off` value for every subject, whatever else is set. */
  readonly killed?: boolean;
  /** Flags that must have these values for the same subject. Otherwise this flag has its `off` value. */
  readonly requires?: readonly Prerequisite[];
  /** Tenants and users that get the `off` value. */
  readonly deny?: SubjectList;
  /** Tenants and users that get `value`, whatever the rules say. */
  readonly allow?: SubjectList & {
    /** @default true, for `bool` only; other flags name it */
    readonly value?: T;
  };
  /** Rules in order; the first that matches decides. */
  readonly rules?: readonly FlagRule<T>[];
  /**
   * Salt of percentages and variants. Flags with the same salt pick the same subjects.
   * @default the key of the flag
   */
  readonly salt?: string;
}

export interface SubjectList {
  readonly tenants?: readonly string[];
  readonly users?: readonly string[];
}

export interface Prerequisite {
  readonly flag: string;
  /** Value that the flag must have. @default true */
  readonly is?: unknown;
}

/** One rule. All conditions that are present must hold; an empty list holds for no subject. */
export interface FlagRule<T = unknown> {
  /** Name in explanations and events. @default "rule-1" for the first rule */
  readonly id?: string;
  /** Plans that the rule is for. */
  readonly plans?: readonly string[];
  readonly tenants?: readonly string[];
  readonly users?: readonly string[];
  readonly where?: readonly AttributeCondition[];
  /** Time from which the rule holds. */
  readonly from?: string;
  /** Time from which the rule no longer holds. */
  readonly until?: string;
  /** Share of the subjects, 0 to 100 in steps of 0.001, or points in time between which the share grows evenly. */
  readonly percent?: number | readonly RampPoint[];
  /**
   * Id that the percentage and the variants go by. A subject without it is not in the share.
   * @default "tenant"
   */
  readonly by?: "tenant" | "user" | { readonly attribute: string };
  /** Value of the rule. @default true, for `bool` only; other flags name it or `variants` */
  readonly value?: T;
  /** Values by weight. Takes the place of `value`. */
  readonly variants?: readonly Variant<T>[];
}

export interface RampPoint {
  readonly at: string;
  readonly percent: number;
}

export interface Variant<T = unknown> {
  readonly name: string;
  /** Share of the variant: its weight over the sum of all weights. */
  readonly weight: number;
  readonly value: T;
}

/** A condition on one attribute. A subject without the attribute, or with one of another type, does not meet it. */
export type AttributeCondition =
  | {
      readonly attribute: string;
      readonly op: "in" | "not-in";
      readonly values: readonly (string | number | boolean)[];
    }
  | { readonly attribute: string; readonly op: "starts-with" | "ends-with"; readonly values: readonly string[] }
  | { readonly attribute: string; readonly op: "at-least" | "at-most"; readonly value: number };
