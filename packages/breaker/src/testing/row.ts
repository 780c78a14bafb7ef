import type { SuiteContext } from "./context.js";

/** One behaviour of the contract. Its id stands in the documentation. */
export interface Row {
  readonly id: string;
  readonly title: string;
  run(context: SuiteContext): Promise<void>;
}
