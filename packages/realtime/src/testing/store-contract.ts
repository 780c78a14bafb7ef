import { describe } from "vitest";
import { describeHistory } from "./cases/history.js";
import { describeNotifications } from "./cases/notifications.js";
import { describePresence } from "./cases/presence.js";
import type { HubStoreFixture } from "./fixture.js";

/** The contract of a `HubStore`. */
export function describeHubStore(name: string, create: () => Promise<HubStoreFixture>): void {
  describe(`HubStore: ${name}`, () => {
    describeHistory(create);
    describeNotifications(create);
    describePresence(create);
  });
}
