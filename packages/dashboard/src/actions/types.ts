import type { HttpFacts } from "@scale/http";

/** A button for operators: a fault for a drill, a switch, the plan of a tenant. */
export interface OperatorAction {
  /** Name in addresses: lower-case letters, digits and hyphens. */
  readonly id: string;
  readonly label: string;
  /** Its effect, in a sentence. */
  readonly description?: string | undefined;
  /** Label of the button while the action runs. Without it the action cannot be ended early. */
  readonly endLabel?: string | undefined;
  /**
   * Does it. The promise lasts as long as its effect: it resolves after the effect was undone, because its time was over or
   * because the signal aborted. An error is published, and the page says that the action failed.
   */
  run(call: ActionCall): void | Promise<void>;
  /** Predicate that is asked after `run`, until it returns true: whether all works again. @default true */
  readonly isRecovered?: (() => boolean | Promise<boolean>) | undefined;
}

export interface ActionCall {
  /** Aborts when an operator ends the action, and when the dashboard closes. */
  readonly signal: AbortSignal;
  /** The request of the operator. */
  readonly facts: HttpFacts;
}

/** Actions of the page. */
export interface ActionsOptions {
  /** Heading of the buttons. @default "Actions" */
  readonly title?: string;
  /**
   * Predicate for callers that may start and end actions, in addition to `authorize` of the page. There is no default. An error
   * of it is a no.
   */
  readonly authorize: (facts: HttpFacts) => boolean | Promise<boolean>;
  readonly list: readonly OperatorAction[];
}
