import type { HubStore } from "../store.js";

export interface HubStoreFixture {
  /** An empty store. Every call of its `open` stands for a process. */
  readonly store: HubStore;
  /** Lets so much time pass: by a clock that the store was given, or by waiting. */
  pass(ms: number): Promise<void>;
}
