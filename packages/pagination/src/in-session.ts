/** Runs work whose statements must see one state. */
export type InSession = <T>(work: () => Promise<T>) => Promise<T>;

export interface SessionSource {
  /**
   * Runs the statements of a page together: `(work) => router.run({}, work)` of `@scale/db-router`. Without it they may run
   * on two replicas, of which the second lacks rows that the first one had, unless a scope of the router is open already.
   * @default one statement after the other
   */
  readonly session?: InSession;
}

export const alone: InSession = (work) => work();
