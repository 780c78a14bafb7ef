import { describe } from "vitest";
import type { HubStore } from "../store.js";
import { describeHistory } from "./cases/history.js";
import { describeNotifications } from "./cases/notifications.js";
import { describePresence } from "./cases/presence.js";

export interface HubStoreFixture {
  /** An empty store. Every call of its `open` stands for a process. */
  readonly store: HubStore;
  /** Lets so much time pass: by a clock that the store was given, or by waiting. */
  pass(ms: number): Promise<void>;
}

/** The contract of a `HubStore`. */
export function describeHubStore(name: string, create: () => Promise<HubStoreFixture>): void {
  describe(`HubStore: ${name}`, () => {
    describeHistory(create);
    describeNotifications(create);
    describePresence(create);
  });
}
